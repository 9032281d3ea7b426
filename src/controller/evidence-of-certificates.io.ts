/**
 * Certificates as evidence: which were issued, renewed, or could not be.
 *
 *   ensure(wanted) ──▶ the CA's ensure ──changed?──▶ leaves now, against those before ──▶ CertificateEvent each
 *
 * What an earlier process issued and this one found in the state folder was told by that one.
 */
import { X509Certificate } from 'node:crypto';
import { authzServerName } from '../envoy/ext-authz.ts';
import type { CertificateEvent } from '../evidence/event.ts';
import type { Teller } from '../evidence/recorder/recorder-ports.ts';
import {
  type Authority,
  defaultServerDnsName,
  type EnsureFailure,
  type EnsureResult,
  type WantedIdentities,
} from '../identity/authority.ts';
import { notBeforeSlackMs } from '../identity/certificate-profile.ts';
import type { Leaf } from '../identity/leaf.ts';
import { formatSpiffeId, parseSpiffeId } from '../model/spiffe-id.ts';
import { controlPlaneSpiffeId, systemNamespace } from '../model/system-namespace.ts';

/** Longest cause that is told, in characters. */
const detailMax = 500;

export type EvidentAuthority = Pick<
  Authority,
  'trustDomain' | 'ensure' | 'leaf' | 'clientCredentials' | 'serverCredentials'
>;

/** @returns the authority's own `ensure`, watched. */
export function recordCertificates(
  teller: Teller,
  authority: EvidentAuthority,
): (wanted: WantedIdentities) => Promise<EnsureResult> {
  const startedMs = teller.clock.nowMs();
  const tell = (event: Pick<CertificateEvent, 'what' | 'subject'> & Partial<CertificateEvent>) => {
    const common = { id: teller.newId(), atMs: teller.clock.nowMs(), tenant: tenantOf(event.subject) };
    teller.record({ kind: 'certificate', ...common, ...event });
  };
  let known = new Map<string, Leaf>();
  let failing = new Map<string, string>();
  return async (wanted) => {
    const result = await authority.ensure(wanted);
    if (result.changed) {
      const held = leavesOf(authority, wanted);
      for (const [subject, leaf] of held) {
        const before = known.get(subject);
        if (before?.certificateChainPem === leaf.certificateChainPem) continue;
        if (before === undefined && !isIssuedSince(startedMs, leaf)) continue;
        const serial = new X509Certificate(leaf.certificateChainPem).serialNumber.toLowerCase();
        tell({ what: before === undefined ? 'issued' : 'renewed', subject, serial, notAfterMs: leaf.notAfterMs });
      }
      known = held;
    }
    // The loop tries again within a second, and a disk that is full stays so for an hour: each cause is told once.
    const causes = new Map(result.failures.map((failure) => [subjectOf(failure, authority), causeOf(failure)]));
    for (const [subject, detail] of causes)
      if (failing.get(subject) !== detail) tell({ what: 'failed', subject, detail });
    failing = causes;
    return result;
  };
}

function leavesOf(authority: EvidentAuthority, { spiffeIds }: WantedIdentities): Map<string, Leaf> {
  const all: readonly (readonly [string, Leaf | undefined])[] = [
    ...[defaultServerDnsName, authzServerName].map((name) => [name, authority.serverCredentials(name)] as const),
    [controlPlaneSpiffeId(authority.trustDomain), authority.clientCredentials()],
    ...spiffeIds.map((spiffeId) => [spiffeId, authority.leaf(spiffeId)] as const),
  ];
  return new Map(all.flatMap(([subject, leaf]) => (leaf === undefined ? [] : [[subject, leaf] as const])));
}

/** A certificate knows whole seconds only. */
function isIssuedSince(startedMs: number, { notBeforeMs }: Leaf): boolean {
  return notBeforeMs + notBeforeSlackMs + 1_000 > startedMs;
}

function subjectOf({ name }: EnsureFailure, { trustDomain }: EvidentAuthority): string {
  const [, namespace, serviceAccount] = /^leaves\/([^/]+)\/([^/]+)$/.exec(name) ?? [];
  if (namespace === undefined || serviceAccount === undefined) return name;
  return formatSpiffeId({ trustDomain, namespace, serviceAccount });
}

function causeOf({ cause }: EnsureFailure): string {
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, detailMax);
}

function tenantOf(subject: string): string {
  const parsed = parseSpiffeId(subject);
  return parsed.kind === 'ok' ? parsed.id.namespace : systemNamespace;
}
