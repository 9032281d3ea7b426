/** The one `Mesh`. Without it nothing is served: a trust domain that was guessed would be an identity nobody chose. */
import { defaultDrillRules } from '../drill.ts';
import { parseDurationMs } from '../duration.ts';
import { defaultEvidenceRules } from '../evidence-rules.ts';
import { explicitRangeDefault } from '../explicit-address.ts';
import { canonicalIp } from '../ip-address.ts';
import type { Problem } from '../problem.ts';
import type { Mesh, PrivateHost } from '../snapshot.ts';
import { buildDrillRules } from './drill-rules.ts';
import { buildEvidenceRules, buildTracingRules } from './evidence-rules.ts';
import type { Inventory } from './inventory.ts';

/** Life of a leaf certificate where the author names none, in ms: 24 h. */
const leafLifetimeDefaultMs = 24 * 3_600_000;
/** Where an identity provider is whose address names no port. */
export const httpsPort = 443;

export function buildMesh(inventory: Inventory): Mesh | undefined {
  const [mesh] = inventory.of('Mesh');
  if (mesh === undefined) return undefined;
  const {
    trustDomain,
    certificates,
    dns,
    authorization,
    explicit,
    drills,
    evidence,
    tracing,
    telemetry,
    privateProviders,
  } = mesh.object.spec;
  return {
    trustDomain,
    leafLifetimeMs: parseDurationMs(certificates?.leafLifetime ?? '') ?? leafLifetimeDefaultMs,
    dnsResolvers: (dns?.resolvers ?? []).flatMap((resolver) => canonicalIp(resolver) ?? []),
    authorizationMode: authorization?.mode ?? 'everyRequest',
    explicitRange: explicit?.outboundRange ?? explicitRangeDefault,
    drills: buildDrillRules(drills),
    evidence: buildEvidenceRules(evidence),
    ...(tracing === undefined ? {} : { tracing: buildTracingRules(tracing) }),
    scrapers: telemetry?.scrapers ?? [],
    privateProviders: (privateProviders ?? []).map(
      ({ host, port = httpsPort, addresses }): PrivateHost => ({ host, port, addresses }),
    ),
    where: mesh.where,
  };
}

/** Stands where there is no mesh; `.invalid` is reserved (RFC 2606), so no identity can ever begin with it. */
export const absentMesh: Mesh = {
  trustDomain: 'mesh.invalid',
  leafLifetimeMs: leafLifetimeDefaultMs,
  dnsResolvers: [],
  authorizationMode: 'everyRequest',
  explicitRange: explicitRangeDefault,
  drills: defaultDrillRules,
  evidence: defaultEvidenceRules,
  scrapers: [],
  privateProviders: [],
  where: { file: '', line: 1 },
};

export const missingMesh: Problem = {
  code: 'missing-mesh',
  severity: 'error',
  where: { file: '', line: 1 },
  path: '',
  message: 'there is no `Mesh` named `default` in force, so there is no trust domain and nothing is served',
  advice: 'write one: `apiVersion: coffre.dev/v1alpha1`, `kind: Mesh`, `metadata.name: default`, `spec.trustDomain`',
};
