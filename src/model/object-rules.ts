/**
 * Rules over one object that a schema cannot say: ranges of written durations, dates that exist, a policy with a rule.
 */
import { X509Certificate } from 'node:crypto';
import { accessPolicyFindings, conditionFindings, headerFindings } from './access-policy-rules.ts';
import { captureFindings } from './capture.ts';
import { bad, outOfRange, type Range } from './common-findings.ts';
import { consentFindings, drillFindings, houseRuleFindings, noMoment } from './drill-rules.ts';
import { evidenceFindings } from './evidence-object-rules.ts';
import { isLoopbackRange } from './explicit-address.ts';
import { grantTargetFindings } from './grant-target-rules.ts';
import { identityProviderFindings } from './identity-provider-rules.ts';
import { canonicalIp } from './ip-address.ts';
import type { KnownObject } from './kinds/catalogue.ts';
import type { GrantObject } from './kinds/grant.ts';
import type { MeshObject } from './kinds/mesh.ts';
import type { TenantObject } from './kinds/tenant.ts';
import { privateProviderFindings } from './private-provider-rules.ts';
import { quote } from './quote.ts';
import { httpRouteFindings } from './route-rules.ts';
import type { Finding } from './sourced-object.ts';
import { trafficPolicyFindings } from './traffic-policy-rules.ts';

/** Of a leaf's life: at half of it every proxy asks again, and a stolen key is of use that long. */
export const leafLifetimeRange: Range = { minMs: 600_000, maxMs: 720 * 3_600_000, words: 'between `10m` and `720h`' };

export function ruleFindings(object: KnownObject): Finding[] {
  switch (object.kind) {
    case 'Mesh':
      return meshFindings(object);
    case 'Tenant':
      return tenantFindings(object);
    case 'Grant':
      return grantFindings(object);
    case 'AccessPolicy':
      return accessPolicyFindings(object);
    case 'Pod':
      return captureFindings(object);
    case 'TrafficPolicy':
      return trafficPolicyFindings(object);
    case 'Drill':
      return drillFindings(object);
    case 'DrillConsent':
      return consentFindings(object);
    case 'HTTPRoute':
      return httpRouteFindings(object);
    default:
      return [];
  }
}

function meshFindings({ spec }: MeshObject): Finding[] {
  const lifetime = spec.certificates?.leafLifetime;
  const findings = outOfRange('spec.certificates.leafLifetime', lifetime, leafLifetimeRange);
  for (const [index, resolver] of (spec.dns?.resolvers ?? []).entries()) {
    if (canonicalIp(resolver) === undefined) findings.push(badAddress(`spec.dns.resolvers[${index}]`, resolver));
  }
  const range = spec.explicit?.outboundRange;
  if (range !== undefined && !isLoopbackRange(range)) {
    const path = 'spec.explicit.outboundRange';
    findings.push(bad(path, `${quote(range)} is no range of loopback`, 'write its first address, as `127.128.0.0/10`'));
  }
  findings.push(...privateProviderFindings(spec.privateProviders ?? []));
  return [...findings, ...houseRuleFindings(spec.drills), ...evidenceFindings(spec)];
}

/** A bundle that a proxy could not read would be refused there, far from its author. */
function tenantFindings({ spec }: TenantObject): Finding[] {
  const bundles = (spec.egress ?? []).flatMap(({ caBundle }, index) => {
    if (caBundle === undefined || isCertificates(caBundle)) return [];
    const message = 'the bundle holds something else than certificates';
    return [
      bad(`spec.egress[${index}].caBundle`, message, 'write PEM blocks of type `CERTIFICATE`, one after another'),
    ];
  });
  return [...bundles, ...identityProviderFindings(spec.identityProviders ?? [])];
}

function isCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const around = blocks.reduce((rest, block) => rest.replace(block, ''), pem);
  return blocks.length > 0 && around.trim() === '' && blocks.every(isCertificate);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function grantFindings({ spec }: GrantObject): Finding[] {
  return [
    ...grantTargetFindings(spec),
    ...headerFindings(spec, 'spec'),
    ...conditionFindings(spec, 'spec', 'the grant opens nothing'),
    ...noMoment('spec.notAfter', spec.notAfter),
  ];
}

export function badAddress(path: string, address: string): Finding {
  const message = `${quote(address)} is not the address of a neighbour`;
  return bad(path, message, 'write a unicast IPv4 or IPv6 address, not loopback, link-local, multicast or IPv4-mapped');
}
