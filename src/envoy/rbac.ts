/**
 * A compiled policy as Envoy's RBAC: the same verdicts as `decide`, said in Envoy's words.
 *
 *   PortPolicy.deny  ──▶ RBAC DENY   any match is 403
 *   PortPolicy.allow ──▶ RBAC ALLOW  no match is 403, and no policy at all is 403 for everyone
 *
 * Denies are exact for all that a proxy can tell; those that need a token or CEL are a worker's. An allow that needs one
 * is here without that condition: what it lets pass, the worker judges whole (a port with such a rule always asks it).
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
import { quarantineRule } from '../model/quarantine.ts';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';
import type { Effect } from '../policy/match-path.ts';
import { type Caller, isStatic, type PortPolicy, type Rule } from '../policy/port-policy.ts';
import { conditionOf } from './rbac-condition.ts';
import { hostIsBad, pathIsUnclean, permissionOf } from './rbac-request.ts';
import { exact, prefix, type StringMatch } from './string-match.ts';

/** What is refused whatever the rules say, under its name in Envoy's logs: whatever can be read in two ways. */
const refusedForm = [
  ['coffre/unclean-path', pathIsUnclean],
  ['coffre/bad-host', hostIsBad],
] as const;

/** The rules of an RBAC filter, HTTP or network. */
export type RbacRules = ReturnType<typeof create<typeof RulesSchema>>;

/** Of an HTTP port: the first thing denied is who is under quarantine, then a path or a host with two readings. */
export function denyRules(policy: PortPolicy): RbacRules {
  const form = refusedForm.map(([name, permission]) => {
    return [name, create(PolicySchema, { principals: [anyPrincipal()], permissions: [permission()] })] as const;
  });
  const { policies, ...rules } = rulesOf('deny', policy.deny.filter(isStatic), policy.trustDomain);
  return { ...rules, policies: { ...refusedCallers(policy), ...Object.fromEntries(form), ...policies } };
}

function refusedCallers({ quarantine }: PortPolicy): Record<string, Policy> {
  if (quarantine === undefined || quarantine.callers.length === 0) return {};
  const principals = quarantine.callers.map(({ spiffeId }) => exactly(spiffeId));
  return { [quarantineRule]: create(PolicySchema, { principals, permissions: [anyPermission()] }) };
}

function anyPermission(): Permission {
  return create(PermissionSchema, { rule: { case: 'any', value: true } });
}

export function allowRules(policy: PortPolicy): RbacRules {
  return rulesOf('allow', policy.allow, policy.trustDomain);
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
    return principals.length === 0
      ? []
      : [[rule.name, { ...policyOf('allow', rule, trustDomain), principals }] as const];
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

function rulesOf(effect: Effect, rules: readonly Rule[], trustDomain: string): RbacRules {
  const policies = Object.fromEntries(rules.map((rule) => [rule.name, policyOf(effect, rule, trustDomain)]));
  return create(RulesSchema, { action: effect === 'deny' ? RBAC_Action.DENY : RBAC_Action.ALLOW, policies });
}

function policyOf(effect: Effect, rule: Rule, trustDomain: string): Policy {
  const condition = conditionOf(rule, effect);
  return create(PolicySchema, {
    principals:
      rule.callers === 'anyone' ? [anyPrincipal()] : rule.callers.map((caller) => principalOf(caller, trustDomain)),
    permissions: [permissionOf(rule.match, effect)],
    ...(condition === undefined ? {} : { condition }),
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

function anyPrincipal(): Principal {
  return create(PrincipalSchema, { identifier: { case: 'any', value: true } });
}
