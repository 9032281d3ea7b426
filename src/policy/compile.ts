/**
 * Compiles what authors wrote into one policy per workload port.
 *
 *   deny  = deny rules of policies that select the workload, and one rule "deny everything" for each broken policy
 *   allow = allow rules, cut down to the own tenant   (an AccessPolicy never opens the tenant wall)
 *         + live grants that lead to this port        (a Grant is consent, and so allows by itself)
 *         + the tenant's default, where no allow rule selects the port
 *
 * Policies under audit are compiled beside: once without them, which is enforced, and once with them, which is told.
 * The surprise: a default speaks only where no allow rule does. One allow rule on a port makes all else on it denied,
 * as authors know it from NetworkPolicy and from other meshes; see docs/decisions. So does one that has ended: time alone
 * takes rights away and gives none, but for a deny whose author gave it an end.
 */

import type { AccessPolicy, AccessRule, Grant, RequestMatch, Snapshot, Tenant, Workload } from '../model/snapshot.ts';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';
import {
  type Caller,
  type Callers,
  isStatic,
  matchesEvery,
  type PortPolicy,
  type Rule,
  type RuleLists,
} from './port-policy.ts';

/** What a rule without methods and paths matches. */
const everyRequest: RequestMatch = { methods: [], paths: [] };

export interface PortToCompile {
  readonly workload: Workload;
  readonly tenant: Tenant;
  readonly port: number;
  /** An opaque TCP port knows neither methods nor paths. */
  readonly opaque: boolean;
  /** Grants that lead to this port of this workload, from other tenants. */
  readonly grants: readonly Grant[];
}

export function compilePort(snapshot: Snapshot, target: PortToCompile): PortPolicy {
  const selecting = [...snapshot.policies.values()].filter((policy) => selects(policy, target.workload));
  const enforced = selecting.filter(({ enforcement }) => enforcement === 'Enforce');
  const lists = compileLists(snapshot, enforced, target);
  const audited = enforced.length === selecting.length ? undefined : compileLists(snapshot, selecting, target);
  const rules = [lists, ...(audited === undefined ? [] : [audited])].flatMap(({ deny, allow }) => [...deny, ...allow]);
  return {
    trustDomain: snapshot.mesh.trustDomain,
    tenant: target.tenant.name,
    ...lists,
    ...(audited === undefined ? {} : { audited }),
    ...(rules.every(isStatic) ? {} : { identityProviders: target.tenant.identityProviders }),
  };
}

function compileLists(snapshot: Snapshot, policies: readonly AccessPolicy[], target: PortToCompile): RuleLists {
  const broken = policies.filter((policy) => policy.broken).map(denyEverything);
  const denied = policies.flatMap((policy) => compileDeny(policy, target));
  const allowed = policies.flatMap((policy) => compileAllow(snapshot, policy, target));
  const granted = target.grants.flatMap((grant) => compileGrant(grant, target));
  const spokenFor = policies.some((policy) => policy.allow.some((rule) => appliesToPort(rule, target.port)));
  const byDefault = spokenFor || target.tenant.defaultAccess === 'none' ? [] : [defaultRule(target.tenant)];
  return { deny: sortRules([...broken, ...denied]), allow: sortRules([...allowed, ...granted, ...byDefault]) };
}

export function selects(policy: AccessPolicy, workload: Workload): boolean {
  if (policy.tenant !== workload.tenant) return false;
  return [...policy.selector].every(([label, value]) => workload.labels.get(label) === value);
}

function appliesToPort(rule: AccessRule, port: number): boolean {
  return rule.ports.length === 0 || rule.ports.includes(port);
}

function denyEverything(policy: AccessPolicy): Rule {
  return {
    name: `access-policy/${policy.key}/broken`,
    callers: 'anyone',
    match: everyRequest,
    where: policy.where,
  };
}

/** On an opaque port a deny of some requests denies them all: what cannot be told apart is not let through. */
function compileDeny(policy: AccessPolicy, { port, opaque }: PortToCompile): Rule[] {
  return policy.deny.flatMap((rule, index) => {
    if (!appliesToPort(rule, port)) return [];
    const named = { name: `access-policy/${policy.key}/deny/${index}`, callers: callersOf(rule), where: rule.where };
    return [opaque ? { ...named, match: everyRequest, ...endOf(rule) } : { ...named, ...conditionsOf(rule) }];
  });
}

/** On an opaque port an allow of some requests allows none. */
function compileAllow(snapshot: Snapshot, policy: AccessPolicy, { port, opaque, tenant }: PortToCompile): Rule[] {
  return policy.allow.flatMap((rule, index) => {
    if (!appliesToPort(rule, port) || (opaque && !(matchesEvery(rule.match) && isStatic(rule)))) return [];
    const callers = withinTenant(callersOf(rule), tenant.name, snapshot.mesh.trustDomain);
    if (callers.length === 0) return [];
    const name = `access-policy/${policy.key}/allow/${index}`;
    return [{ name, callers, where: rule.where, ...conditionsOf(rule) }];
  });
}

function conditionsOf(
  rule: Pick<AccessRule, 'match' | 'token' | 'when' | 'notAfterMs'>,
): Pick<Rule, 'match' | 'token' | 'when' | 'notAfterMs'> {
  const { match, token, when } = rule;
  return {
    match,
    ...(token === undefined ? {} : { token }),
    ...(when === undefined ? {} : { when }),
    ...endOf(rule),
  };
}

/** The enforcer ends it, so that what is compiled holds before its end and after it. */
function endOf({ notAfterMs }: Pick<Rule, 'notAfterMs'>): Pick<Rule, 'notAfterMs'> {
  return notAfterMs === undefined ? {} : { notAfterMs };
}

function compileGrant(grant: Grant, { opaque }: PortToCompile): Rule[] {
  if (opaque && !(matchesEvery(grant.to.match) && grant.when === undefined)) return [];
  const callers: Caller[] =
    grant.from.spiffeIds.length === 0
      ? [{ kind: 'tenant', tenant: grant.from.tenant }]
      : grant.from.spiffeIds.map((spiffeId) => ({ kind: 'identity', spiffeId }));
  return [
    {
      name: `grant/${grant.key}`,
      callers,
      where: grant.where,
      ...conditionsOf({ ...grant, match: grant.to.match }),
    },
  ];
}

function defaultRule(tenant: Tenant): Rule {
  return {
    name: `tenant/${tenant.name}/default`,
    callers: [{ kind: 'tenant', tenant: tenant.name }],
    match: everyRequest,
    where: tenant.where,
  };
}

function callersOf({ callers }: AccessRule): Callers {
  if (callers.tenants.length === 0 && callers.spiffeIds.length === 0) return 'anyone';
  return [
    ...callers.tenants.map((tenant): Caller => ({ kind: 'tenant', tenant })),
    ...callers.spiffeIds.map((spiffeId): Caller => ({ kind: 'identity', spiffeId })),
  ];
}

/** Keeps of the callers those of one tenant: the tenant wall, as a value. */
function withinTenant(callers: Callers, tenant: string, trustDomain: string): readonly Caller[] {
  if (callers === 'anyone') return [{ kind: 'tenant', tenant }];
  const prefix = spiffeIdPrefix(trustDomain, tenant);
  return callers.filter((caller) =>
    caller.kind === 'tenant' ? caller.tenant === tenant : caller.spiffeId.startsWith(prefix),
  );
}

function sortRules(rules: readonly Rule[]): readonly Rule[] {
  return [...rules].sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0));
}
