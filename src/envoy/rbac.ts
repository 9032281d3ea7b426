/**
 * A compiled policy as Envoy's RBAC: the same verdicts as `decide`, said in Envoy's words.
 *
 *   PortPolicy.deny  ──▶ RBAC DENY   any match is 403
 *   PortPolicy.allow ──▶ RBAC ALLOW  no match is 403, and no policy at all is 403 for everyone
 *
 * The rules travel per route (RDS), so that a change judges the next request of every open connection and drains nothing.
 */
import { create } from '@bufbuild/protobuf';
import {
  type Permission,
  PermissionSchema,
  type Policy,
  PolicySchema,
  type Principal,
  PrincipalSchema,
  RBAC_Action,
  RBACSchema as RulesSchema,
} from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { PathMatcherSchema } from '#gen/envoy/type/matcher/v3/path_pb.js';
import { type Expr, ExprSchema } from '#gen/google/api/expr/v1alpha1/syntax_pb.js';
import type { PathMatch } from '../model/snapshot.ts';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';
import type { Caller, PortPolicy, Rule } from '../policy/port-policy.ts';
import { exact, prefix, type StringMatch } from './string-match.ts';

/** The rules of an RBAC filter, HTTP or network. */
export type RbacRules = ReturnType<typeof create<typeof RulesSchema>>;

export function denyRules(policy: PortPolicy): RbacRules {
  return rulesOf(RBAC_Action.DENY, policy.deny, policy.trustDomain);
}

export function allowRules(policy: PortPolicy): RbacRules {
  return rulesOf(RBAC_Action.ALLOW, policy.allow, policy.trustDomain);
}

/** What stands where a route brings no rules: nobody passes. */
export function allowNobody(): RbacRules {
  return create(RulesSchema, { action: RBAC_Action.ALLOW });
}

/**
 * Exactly these identities, whatever they send: the rules behind the wall of an opaque TCP port.
 * Each stands under the rules that let it in, so that an end of theirs is its end.
 * @param spiffeIds who may connect; denied callers are not among them.
 */
export function allowPeers(spiffeIds: readonly string[], { allow }: PortPolicy, trustDomain: string): RbacRules {
  const policies = allow.flatMap((rule) => {
    const principals = spiffeIds.filter((spiffeId) => speaksOf(rule, spiffeId, trustDomain)).map(exactly);
    return principals.length === 0 ? [] : [[rule.name, { ...policyOf(rule, trustDomain), principals }] as const];
  });
  return create(RulesSchema, { action: RBAC_Action.ALLOW, policies: Object.fromEntries(policies) });
}

function speaksOf({ callers }: Rule, spiffeId: string, trustDomain: string): boolean {
  if (callers === 'anyone') return true;
  return callers.some((caller) =>
    caller.kind === 'tenant'
      ? spiffeId.startsWith(spiffeIdPrefix(trustDomain, caller.tenant))
      : spiffeId === caller.spiffeId,
  );
}

function exactly(spiffeId: string): Principal {
  return authenticated(exact(spiffeId));
}

function rulesOf(action: RBAC_Action, rules: readonly Rule[], trustDomain: string): RbacRules {
  const policies = Object.fromEntries(rules.map((rule) => [rule.name, policyOf(rule, trustDomain)]));
  return create(RulesSchema, { action, policies });
}

function policyOf(rule: Rule, trustDomain: string): Policy {
  return create(PolicySchema, {
    principals:
      rule.callers === 'anyone' ? [anyPrincipal()] : rule.callers.map((caller) => principalOf(caller, trustDomain)),
    permissions: [permissionOf(rule)],
    ...(rule.notAfterMs === undefined ? {} : { condition: before(rule.notAfterMs) }),
  });
}

function principalOf(caller: Caller, trustDomain: string): Principal {
  return caller.kind === 'tenant'
    ? authenticated(prefix(spiffeIdPrefix(trustDomain, caller.tenant)))
    : exactly(caller.spiffeId);
}

function authenticated(principalName: StringMatch): Principal {
  return create(PrincipalSchema, { identifier: { case: 'authenticated', value: { principalName } } });
}

function permissionOf({ match }: Rule): Permission {
  const conditions = [
    ...(match.methods.length === 0 ? [] : [anyOf(match.methods.map(methodIs))]),
    ...(match.paths.length === 0 ? [] : [anyOf(match.paths.flatMap(pathIs))]),
  ];
  const [first, ...others] = conditions;
  if (first === undefined) return anyPermission();
  if (others.length === 0) return first;
  return create(PermissionSchema, { rule: { case: 'andRules', value: { rules: conditions } } });
}

function anyOf(rules: readonly Permission[]): Permission {
  const [first, ...others] = rules;
  if (first !== undefined && others.length === 0) return first;
  return create(PermissionSchema, { rule: { case: 'orRules', value: { rules: [...rules] } } });
}

function methodIs(method: string): Permission {
  return create(PermissionSchema, {
    rule: {
      case: 'header',
      value: { name: ':method', headerMatchSpecifier: { case: 'stringMatch', value: exact(method) } },
    },
  });
}

/** The matchers of one path; a subtree is three of them, see `PathMatch`. */
function pathIs({ kind, path }: PathMatch): readonly Permission[] {
  if (kind === 'exact') return [urlPath(exact(path))];
  if (path === '' || path.endsWith('/')) return [urlPath(prefix(path === '' ? '/' : path))];
  return [urlPath(exact(path)), urlPath(prefix(`${path}/`)), urlPath(prefix(`${path};`))];
}

function urlPath(matcher: StringMatch): Permission {
  const value = create(PathMatcherSchema, { rule: { case: 'path', value: matcher } });
  return create(PermissionSchema, { rule: { case: 'urlPath', value } });
}

function anyPermission(): Permission {
  return create(PermissionSchema, { rule: { case: 'any', value: true } });
}

function anyPrincipal(): Principal {
  return create(PrincipalSchema, { identifier: { case: 'any', value: true } });
}

/** `request.time < timestamp("…")`: Envoy itself ends the rule, control plane or not. */
function before(notAfterMs: number): Expr {
  const requestTime = create(ExprSchema, {
    exprKind: {
      case: 'selectExpr',
      value: { operand: { exprKind: { case: 'identExpr', value: { name: 'request' } } }, field: 'time' },
    },
  });
  const end = create(ExprSchema, {
    exprKind: {
      case: 'constExpr',
      value: { constantKind: { case: 'stringValue', value: new Date(notAfterMs).toISOString() } },
    },
  });
  const timestamp = create(ExprSchema, {
    exprKind: { case: 'callExpr', value: { function: 'timestamp', args: [end] } },
  });
  return create(ExprSchema, {
    exprKind: { case: 'callExpr', value: { function: '_<_', args: [requestTime, timestamp] } },
  });
}
