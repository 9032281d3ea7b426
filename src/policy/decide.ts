/**
 * One verdict on one request, with its reason. Pure: the same policy, request, token and time give the same decision.
 *
 * Order: the identity, quarantines, the path, the host, the tenant wall, deny rules, allow rules. The order changes only which reason is told,
 * never the verdict. Rules are looked up, not walked: see `rule-index.ts`.
 */
import type { Quarantine } from '../model/quarantine.ts';
import type { AccessRequest } from './access-request.ts';
import type { PortPolicy, Rule, RuleLists } from './port-policy.ts';
import { isUnclean } from './read-path.ts';
import { type Reading, readRequest } from './reading.ts';
import { type Outcomes, RuleIndex } from './rule-index.ts';

export type { AccessRequest } from './access-request.ts';

export type Decision =
  /** `audited`: why policies under audit would have refused it; absent where they would not. */
  | { readonly kind: 'allow'; readonly rule: Rule; readonly audited?: DenyReason }
  | { readonly kind: 'deny'; readonly reason: DenyReason };

export type DenyReason =
  /** Malformed, or of another trust domain. */
  | { readonly kind: 'no-identity'; readonly principal: string }
  /** The caller, or whoever is called, is cut off every peer. */
  | { readonly kind: 'quarantined'; readonly quarantine: Quarantine }
  /** A path that one reader takes for another than the next. */
  | { readonly kind: 'unclean-path'; readonly path: string }
  /** No host, two of them, or what is no host: one reader takes it for another than the next. */
  | { readonly kind: 'bad-host' }
  | { readonly kind: 'tenant-wall'; readonly from: string; readonly to: string }
  | { readonly kind: 'grant-expired'; readonly rule: Rule }
  | { readonly kind: 'outside-grant'; readonly considered: readonly Rule[] }
  | { readonly kind: 'deny-rule'; readonly rule: Rule }
  /** `rule` would allow it, were there a token. */
  | { readonly kind: 'token-missing'; readonly rule: Rule }
  | { readonly kind: 'token-invalid'; readonly rule: Rule; readonly why: string }
  /** The token is valid, and does not tell the groups or claims that `rule` asks for. */
  | { readonly kind: 'token-untold'; readonly rule: Rule; readonly why: string }
  /** `rule` would have allowed it before its end. */
  | { readonly kind: 'rule-expired'; readonly rule: Rule }
  | { readonly kind: 'no-allow-rule'; readonly considered: readonly Rule[] };

export function decide(policy: PortPolicy, request: AccessRequest, nowMs: number): Decision {
  const reading = readRequest(request, policy.trustDomain, nowMs);
  if (reading === undefined) return deny({ kind: 'no-identity', principal: request.principal });
  const quarantine = quarantineFor(policy, reading.principal);
  if (quarantine !== undefined) return deny({ kind: 'quarantined', quarantine });
  if (request.kind === 'http' && isUnclean(request.path)) return deny({ kind: 'unclean-path', path: request.path });
  if (request.kind === 'http' && request.host === undefined) return deny({ kind: 'bad-host' });
  const decision = decideBy(policy, policy.tenant, reading);
  if (decision.kind === 'deny' || policy.audited === undefined) return decision;
  const audited = decideBy(policy.audited, policy.tenant, reading);
  return audited.kind === 'allow' ? decision : { ...decision, audited: audited.reason };
}

function quarantineFor({ quarantine }: PortPolicy, principal: string): Quarantine | undefined {
  if (quarantine === undefined) return undefined;
  return quarantine.owner ?? quarantine.callers.find(({ spiffeId }) => spiffeId === principal);
}

/** Makes ready now what the first decision would make. */
export function prepare({ deny, allow, audited }: PortPolicy): void {
  indexOf(deny, 'deny');
  indexOf(allow, 'allow');
  if (audited === undefined) return;
  indexOf(audited.deny, 'deny');
  indexOf(audited.allow, 'allow');
}

function decideBy({ deny: denying, allow: allowing }: RuleLists, owner: string, reading: Reading): Decision {
  const allowIndex = indexOf(allowing, 'allow');
  const allow = allowIndex.judge(reading);
  if (reading.tenant !== owner && allow.matches === undefined) {
    return deny(wallReason(allow, allowIndex.naming(reading.tenant), { from: reading.tenant, to: owner }));
  }
  const { matches: refusing } = indexOf(denying, 'deny').judge(reading);
  if (refusing !== undefined) return deny({ kind: 'deny-rule', rule: refusing });
  if (allow.matches === undefined) return deny(missReason(allow, allowing, reading));
  return { kind: 'allow', rule: allow.matches };
}

function deny(reason: DenyReason): Decision {
  return { kind: 'deny', reason };
}

function wallReason({ ended }: Outcomes, grants: readonly Rule[], wall: { from: string; to: string }): DenyReason {
  if (ended !== undefined) return { kind: 'grant-expired', rule: ended };
  return grants.length === 0 ? { kind: 'tenant-wall', ...wall } : { kind: 'outside-grant', considered: grants };
}

function missReason(outcomes: Outcomes, considered: readonly Rule[], reading: Reading): DenyReason {
  const { 'token-missing': wanting, 'token-invalid': refused, ended } = outcomes;
  if (wanting !== undefined) return { kind: 'token-missing', rule: wanting };
  const token = refused === undefined ? undefined : reading.token();
  if (refused !== undefined && token?.kind === 'invalid') {
    return { kind: 'token-invalid', rule: refused, why: token.why };
  }
  if (refused !== undefined && token?.kind === 'valid' && token.untold !== undefined) {
    return { kind: 'token-untold', rule: refused, why: token.untold.why };
  }
  return ended === undefined ? { kind: 'no-allow-rule', considered } : { kind: 'rule-expired', rule: ended };
}

/** An index is made once for a list, and lives as long as it. */
const indexes = { deny: new WeakMap<readonly Rule[], RuleIndex>(), allow: new WeakMap<readonly Rule[], RuleIndex>() };

function indexOf(rules: readonly Rule[], effect: keyof typeof indexes): RuleIndex {
  const known = indexes[effect].get(rules);
  if (known !== undefined) return known;
  const index = new RuleIndex(rules, effect);
  indexes[effect].set(rules, index);
  return index;
}
