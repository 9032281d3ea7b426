/**
 * Who may do what on one port of one workload: the compiled value that every enforcer reads.
 *
 *   AccessPolicy, Grant, Tenant ──compile──▶ PortPolicy ──▶ decide (ours)  ──▶ verdict
 *                                                      └──▶ Envoy RBAC     ──▶ the same verdict
 *
 * The tenant wall is already in it: an allow rule names only callers that may stand behind the wall, so an enforcer
 * that reads the two lists (a deny wins, then some allow is needed) cannot open the wall by mistake.
 */
import type { Quarantine } from '../model/quarantine.ts';
import type { IdentityProvider, RequestMatch, TokenMatch } from '../model/snapshot.ts';
import type { SourceRef } from '../model/source-ref.ts';

export interface PortPolicy {
  /** Of the mesh: whoever comes from another is nobody here, be its tenant called as it may. */
  readonly trustDomain: string;
  /** The tenant that owns the port. */
  readonly tenant: string;
  /** Who is refused before any rule is asked; absent where nobody is. */
  readonly quarantine?: PortQuarantine;
  /** Sorted by name; any match denies. */
  readonly deny: readonly Rule[];
  /** Sorted by name; without a match the request is denied. */
  readonly allow: readonly Rule[];
  /** What the two lists would be if the policies under audit were enforced; absent where there are none. */
  readonly audited?: RuleLists;
  /** Who may vouch for the bearer of a token here; absent where no rule asks for one. */
  readonly identityProviders?: readonly IdentityProvider[];
}

export interface PortQuarantine {
  /** Of the tenants that may come here at all, sorted by SPIFFE ID. */
  readonly callers: readonly Quarantine[];
  /** Of the workload itself: then everybody is refused. */
  readonly owner?: Quarantine;
}

export type RuleLists = Pick<PortPolicy, 'deny' | 'allow'>;

export interface Rule {
  /** Stable and unique within the port, such as `access-policy/atelier/no-admin/deny/0`; it names the rule in Envoy's logs. */
  readonly name: string;
  readonly callers: Callers;
  readonly match: RequestMatch;
  readonly token?: TokenMatch;
  /** Condition in CEL; see `cel/condition.ts`. */
  readonly when?: string;
  /** Epoch ms from which the rule no longer matches; absent on rules without an end. */
  readonly notAfterMs?: number;
  readonly where: SourceRef;
}

/** `anyone` is every authenticated caller that reached the port; a list means any one of its members. */
export type Callers = 'anyone' | readonly Caller[];

export type Caller =
  /** Every identity of one tenant. */
  | { readonly kind: 'tenant'; readonly tenant: string }
  /** One identity, compared byte by byte. */
  | { readonly kind: 'identity'; readonly spiffeId: string };

/** Whether a proxy alone can tell if the rule matches: from the connection and the request, without a token or CEL. */
export function isStatic({ token, when }: Pick<Rule, 'token' | 'when'>): boolean {
  return token === undefined && when === undefined;
}

/** Whether a worker must be asked about every request, whatever the mesh's mode: some rule is not static, or is under audit. */
export function needsWorker({ deny, allow, audited }: PortPolicy): boolean {
  return audited !== undefined || !deny.every(isStatic) || !allow.every(isStatic);
}

/** What a rule without methods, paths, hosts and headers speaks of. */
export function matchesEvery({ methods, paths, hosts = [], headers = [] }: RequestMatch): boolean {
  return methods.length + paths.length + hosts.length + headers.length === 0;
}
