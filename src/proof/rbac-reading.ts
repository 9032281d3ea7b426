/**
 * Envoy's role-based access control, read as its documentation says: may this request on this connection pass?
 *
 *   ALLOW  some policy must match        DENY  none may        a policy: some principal, some permission, its condition
 *
 * What is not understood (a matcher extension, other metadata, a condition of another form) may match and may not.
 */
import type { Permission, Policy, Principal } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { type RBAC, RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import type { MetadataMatcher } from '#gen/envoy/type/matcher/v3/metadata_pb.js';
import type { PathMatcher } from '#gen/envoy/type/matcher/v3/path_pb.js';
import type { Expr } from '#gen/google/api/expr/v1alpha1/syntax_pb.js';
import { authzFilter } from '../envoy/ext-authz.ts';
import { type Certainty, every, not, some, whether } from './certainty.ts';
import { type Condition, holds, readCondition } from './condition.ts';
import type { Connection } from './connection.ts';
import { hasUnknownFields } from './held-resources.ts';
import { type ExampleRequest, matchesHeader } from './request.ts';
import { type Grasp, matchesText } from './text-match.ts';

/** One look at a set of rules. */
export interface Visit {
  readonly connection: Connection;
  /** Absent on an opaque connection. */
  readonly request?: ExampleRequest;
  readonly grasp: Grasp;
  /** An authorization worker was asked before, and may have written its verdict. */
  readonly asked: boolean;
  readonly nowMs: number;
}

export interface Ruling {
  readonly passes: Certainty;
  /** Policies that match for certain, and so decided where the ruling is certain. */
  readonly by: readonly string[];
}

/** @param rules absent: the filter enforces nothing. */
export function rule(rules: RBAC | undefined, visit: Visit): Ruling {
  if (rules === undefined) return { passes: 'yes', by: [] };
  if (hasUnknownFields(rules)) return { passes: 'maybe', by: [] };
  const matches = Object.entries(rules.policies).map(([name, policy]) => ({
    name,
    holds: matchesPolicy(policy, visit),
  }));
  const matched = some(matches.map(({ holds }) => holds));
  const by = matches.filter(({ holds }) => holds === 'yes').map(({ name }) => name);
  switch (rules.action) {
    case RBAC_Action.ALLOW:
      return { passes: matched, by };
    case RBAC_Action.DENY:
      return { passes: not(matched), by };
    case RBAC_Action.LOG:
      return { passes: 'yes', by: [] };
    default:
      return { passes: 'maybe', by: [] };
  }
}

function matchesPolicy(policy: Policy, visit: Visit): Certainty {
  if (hasUnknownFields(policy)) return 'maybe';
  const { principals, permissions, condition, checkedCondition } = policy;
  return every([
    some(principals.map((principal) => matchesPrincipal(principal, visit))),
    some(permissions.map((permission) => matchesPermission(permission, visit))),
    condition === undefined ? 'yes' : holds(conditionOf(condition), visit),
    checkedCondition === undefined ? 'yes' : 'maybe',
  ]);
}

/** Each is read once. */
const conditions = new WeakMap<Expr, Condition>();

export function conditionOf(condition: Expr): Condition {
  const known = conditions.get(condition) ?? readCondition(condition);
  conditions.set(condition, known);
  return known;
}

function matchesPrincipal(principal: Principal, visit: Visit): Certainty {
  if (hasUnknownFields(principal)) return 'maybe';
  const { identifier } = principal;
  switch (identifier.case) {
    case 'any':
      return whether(identifier.value);
    case 'andIds':
      return every(identifier.value.ids.map((each) => matchesPrincipal(each, visit)));
    case 'orIds':
      return some(identifier.value.ids.map((each) => matchesPrincipal(each, visit)));
    case 'notId':
      return not(matchesPrincipal(identifier.value, visit));
    case 'authenticated': {
      const { peer } = visit.connection;
      const { principalName } = identifier.value;
      if (peer.kind === 'plaintext' || hasUnknownFields(identifier.value)) {
        return peer.kind === 'plaintext' ? 'no' : 'maybe';
      }
      // Without a name in the certificate, or without a certificate, Envoy compares with the empty text.
      const name = peer.kind === 'named' ? peer.spiffeId : '';
      return principalName === undefined ? 'yes' : matchesText(principalName, name, 'exact');
    }
    case 'header':
      return matchesHeader(identifier.value, visit.request, visit.grasp);
    case 'urlPath':
      return matchesPath(identifier.value, visit);
    default:
      return 'maybe';
  }
}

function matchesPermission(permission: Permission, visit: Visit): Certainty {
  if (hasUnknownFields(permission)) return 'maybe';
  const { rule: asked } = permission;
  switch (asked.case) {
    case 'any':
      return whether(asked.value);
    case 'andRules':
      return every(asked.value.rules.map((each) => matchesPermission(each, visit)));
    case 'orRules':
      return some(asked.value.rules.map((each) => matchesPermission(each, visit)));
    case 'notRule':
      return not(matchesPermission(asked.value, visit));
    case 'header':
      return matchesHeader(asked.value, visit.request, visit.grasp);
    case 'urlPath':
      return matchesPath(asked.value, visit);
    case 'destinationPort':
      return whether(asked.value === visit.connection.port);
    case 'destinationPortRange':
      return whether(asked.value.start <= visit.connection.port && visit.connection.port < asked.value.end);
    case 'requestedServerName':
      return matchesText(asked.value, visit.connection.sni ?? '', 'exact');
    case 'metadata':
      return matchesMetadata(asked.value, visit);
    case 'sourcedMetadata':
      return asked.value.metadataSource === 0 ? matchesMetadata(asked.value.metadataMatcher, visit) : 'maybe';
    default:
      return 'maybe';
  }
}

function matchesPath(matcher: PathMatcher, { request, grasp }: Visit): Certainty {
  if (request === undefined) return 'no';
  return matcher.rule.case === 'path' ? matchesText(matcher.rule.value, request.path, grasp) : 'maybe';
}

/** What a worker writes: nothing where nobody asked it. Which verdict it gives is its own matter, so it may be any. */
function matchesMetadata(matcher: MetadataMatcher | undefined, { asked }: Visit): Certainty {
  if (matcher?.filter !== authzFilter || hasUnknownFields(matcher) || matcher.invert) return 'maybe';
  return asked ? 'maybe' : 'no';
}

/** Rules that let pass what a worker allowed, and nothing else: behind them is whom the worker lets in. */
export function isSeal({ action, policies }: RBAC): boolean {
  const [policy, ...others] = Object.values(policies);
  const [principal] = policy?.principals ?? [];
  const [permission, ...more] = policy?.permissions ?? [];
  if (action !== RBAC_Action.ALLOW || others.length > 0 || more.length > 0) return false;
  if (principal?.identifier.case !== 'any' || policy?.condition !== undefined) return false;
  if (permission?.rule.case !== 'sourcedMetadata' || permission.rule.value.metadataSource !== 0) return false;
  const { filter, path, value, invert } = permission.rule.value.metadataMatcher ?? {};
  const wanted = value?.matchPattern.case === 'stringMatch' ? value.matchPattern.value.matchPattern : undefined;
  const [key, ...deeper] = path?.map(({ segment }) => segment.value) ?? [];
  return filter === authzFilter && !invert && key === 'verdict' && deeper.length === 0 && wanted?.value === 'allow';
}
