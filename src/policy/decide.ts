/**
 * One verdict on one request, with its reason. Pure: the same policy, request and time give the same decision.
 *
 * Order: the tenant wall, deny rules, allow rules. The order changes only which reason is told, never the verdict.
 */

import type { PathMatch, RequestMatch } from '../model/snapshot.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import type { Callers, PortPolicy, Rule } from './port-policy.ts';

export type AccessRequest =
  | {
      readonly kind: 'http';
      /** URI SAN of the verified peer certificate. */
      readonly principal: string;
      readonly method: string;
      /** As Envoy normalised it, without query and fragment. */
      readonly path: string;
    }
  | { readonly kind: 'tcp'; readonly principal: string };

export type Decision =
  | { readonly kind: 'allow'; readonly rule: Rule }
  | { readonly kind: 'deny'; readonly reason: DenyReason };

export type DenyReason =
  /** Malformed, or of another trust domain. */
  | { readonly kind: 'no-identity'; readonly principal: string }
  | { readonly kind: 'tenant-wall'; readonly from: string; readonly to: string }
  | { readonly kind: 'grant-expired'; readonly rule: Rule }
  | { readonly kind: 'outside-grant'; readonly considered: readonly Rule[] }
  | { readonly kind: 'deny-rule'; readonly rule: Rule }
  | { readonly kind: 'no-allow-rule'; readonly considered: readonly Rule[] };

export function decide(policy: PortPolicy, request: AccessRequest, nowMs: number): Decision {
  const parsed = parseSpiffeId(request.principal);
  if (parsed.kind === 'refused' || parsed.id.trustDomain !== policy.trustDomain) {
    return deny({ kind: 'no-identity', principal: request.principal });
  }
  const from = parsed.id.namespace;
  const foreign = from !== policy.tenant;
  const matching = policy.allow.filter((rule) => matchesRule(rule, request, from));
  const live = matching.find((rule) => rule.notAfterMs === undefined || nowMs < rule.notAfterMs);

  if (foreign && live === undefined) return deny(wallReason(policy, matching, from));
  const denying = policy.deny.find((rule) => matchesRule(rule, request, from));
  if (denying !== undefined) return deny({ kind: 'deny-rule', rule: denying });
  if (live === undefined) return deny({ kind: 'no-allow-rule', considered: policy.allow });
  return { kind: 'allow', rule: live };
}

function deny(reason: DenyReason): Decision {
  return { kind: 'deny', reason };
}

function wallReason(policy: PortPolicy, expired: readonly Rule[], from: string): DenyReason {
  const [rule] = expired;
  if (rule !== undefined) return { kind: 'grant-expired', rule };
  const grants = policy.allow.filter((candidate) => namesTenant(candidate.callers, from));
  return grants.length === 0
    ? { kind: 'tenant-wall', from, to: policy.tenant }
    : { kind: 'outside-grant', considered: grants };
}

function matchesRule(rule: Rule, request: AccessRequest, tenant: string): boolean {
  return matchesCallers(rule.callers, request.principal, tenant) && matchesRequest(rule.match, request);
}

function matchesCallers(callers: Callers, principal: string, tenant: string): boolean {
  if (callers === 'anyone') return true;
  return callers.some((caller) =>
    caller.kind === 'tenant' ? caller.tenant === tenant : caller.spiffeId === principal,
  );
}

function namesTenant(callers: Callers, tenant: string): boolean {
  if (callers === 'anyone') return false;
  return callers.some((caller) => {
    if (caller.kind === 'tenant') return caller.tenant === tenant;
    const parsed = parseSpiffeId(caller.spiffeId);
    return parsed.kind === 'ok' && parsed.id.namespace === tenant;
  });
}

function matchesRequest(match: RequestMatch, request: AccessRequest): boolean {
  if (request.kind === 'tcp') return match.methods.length === 0 && match.paths.length === 0;
  const method = match.methods.length === 0 || match.methods.includes(request.method);
  return method && (match.paths.length === 0 || match.paths.some((path) => matchesPath(path, request.path)));
}

/** A subtree is the path itself and whatever follows it after `/` or `;`; see `PathMatch`. */
export function matchesPath(match: PathMatch, path: string): boolean {
  if (path === match.path) return true;
  if (match.kind === 'exact') return false;
  return path.startsWith(match.path) && (match.path.endsWith('/') || '/;'.includes(path.charAt(match.path.length)));
}
