/**
 * Access policies, those that nobody can understand among them: such a policy denies everything it selects.
 *
 * A name that leads nowhere (a tenant, an account) stays in its rule and matches nobody: taken out, it could leave an
 * empty list behind, which means everybody.
 */
import { compareText } from '../canonical-json.ts';
import type { AccessPolicyObject, AccessRuleObject } from '../kinds/access-policy.ts';
import { pathMatches } from '../path-match.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type {
  AccessPolicy,
  AccessRule,
  CallerMatch,
  HeaderMatch,
  HostMatch,
  RequestMatch,
  Tenant,
  TokenMatch,
} from '../snapshot.ts';
import { type PolicyScope, type SourcedObject, scopeAround, type ValidObject, whereOf } from '../sourced-object.ts';
import { formatSpiffeId, parseSpiffeId } from '../spiffe-id.ts';
import { unknownAccount } from './grants.ts';
import type { Inventory } from './inventory.ts';
import { sortedLabels } from './workloads.ts';

export interface PolicyContext {
  readonly trustDomain: string;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** `namespace/name` of every service account that is known to exist. */
  readonly serviceAccounts: ReadonlySet<string>;
  /** Epoch ms, against which rules end; absent where nothing is to expire. */
  readonly nowMs: number | undefined;
}

type Verb = 'allow' | 'deny';
type HeaderObject = NonNullable<NonNullable<AccessRuleObject['to']>['headers']>[number];

/** @returns by `namespace/name`, sorted. */
export function buildPolicies(
  inventory: Inventory,
  context: PolicyContext,
  problems: ProblemList,
): ReadonlyMap<string, AccessPolicy> {
  const policies = [
    ...inventory.of('AccessPolicy').map((source) => ({ source, policy: policyOf(source, context, problems) })),
    ...inventory.brokenPolicies.map((source) => ({ source, policy: brokenPolicy(source, source.scope) })),
  ];
  const owned = policies.filter(({ source }) => isOwned(source, context, problems));
  owned.sort((left, right) => compareText(left.policy.key, right.policy.key));
  return new Map(owned.map(({ policy }) => [policy.key, policy]));
}

function isOwned(source: SourcedObject, { tenants }: PolicyContext, problems: ProblemList): boolean {
  const { namespace } = source.ref;
  if (tenants.has(namespace)) return true;
  problems.warning(source, {
    code: 'missing-tenant',
    path: 'metadata.namespace',
    message: `nobody owns the namespace ${quote(namespace)}, so the policy protects nothing`,
    advice: `write a \`Tenant\` named ${quote(namespace)}`,
  });
  return false;
}

function policyOf(source: ValidObject<'AccessPolicy'>, context: PolicyContext, problems: ProblemList): AccessPolicy {
  const { spec } = source.object;
  const mistakes = [...foreignPrincipals(spec, context), ...unknownProviders(spec, source.ref.namespace, context)];
  for (const mistake of mistakes) problems.error(source, mistake);
  const broken = brokenPolicy(source, scopeAround([source]));
  if (mistakes.length > 0) return broken;
  return {
    ...broken,
    allow: rulesOf(source, 'allow', context, problems),
    deny: rulesOf(source, 'deny', context, problems),
    broken: false,
  };
}

function brokenPolicy({ ref, where }: SourcedObject, { selector, enforcement }: PolicyScope): AccessPolicy {
  return {
    key: `${ref.namespace}/${ref.name}`,
    tenant: ref.namespace,
    name: ref.name,
    selector: sortedLabels(selector),
    allow: [],
    deny: [],
    enforcement,
    broken: true,
    where,
  };
}

type Mistake = Parameters<ProblemList['error']>[1];

function foreignPrincipals(spec: AccessPolicyObject['spec'], { trustDomain }: PolicyContext): Mistake[] {
  return eachRule(spec).flatMap(({ rule, path }) =>
    (rule.from?.principals ?? []).flatMap((principal, index) => {
      const parsed = parseSpiffeId(principal);
      if (parsed.kind === 'ok' && parsed.id.trustDomain === trustDomain) return [];
      return [
        {
          code: 'bad-value',
          path: `${path}.from.principals[${index}]`,
          message: `${quote(principal)} is of a trust domain that this mesh does not know; until it is mended the policy denies everything it selects`,
          advice: `name identities of ${quote(trustDomain)} only`,
        },
      ];
    }),
  );
}

/** A deny over people whom nobody vouches for would never bite, so the policy is as good as unreadable. */
function unknownProviders(spec: AccessPolicyObject['spec'], namespace: string, { tenants }: PolicyContext): Mistake[] {
  const known = (tenants.get(namespace)?.identityProviders ?? []).map(({ name }) => name);
  return eachRule(spec).flatMap(({ rule: { token }, path }) => {
    if (token === undefined) return [];
    const { provider } = token;
    if (provider === undefined ? known.length > 0 : known.includes(provider)) return [];
    return [
      {
        code: 'dangling-reference',
        path: provider === undefined ? `${path}.token` : `${path}.token.provider`,
        message: `the tenant has no identity provider${provider === undefined ? '' : ` ${quote(provider)}`}; until it is mended the policy denies everything it selects`,
        advice: `write it to \`spec.identityProviders\` of the \`Tenant\` ${quote(namespace)}`,
      },
    ];
  });
}

function eachRule(spec: AccessPolicyObject['spec']): { readonly rule: AccessRuleObject; readonly path: string }[] {
  return (['allow', 'deny'] as const).flatMap((verb) =>
    (spec[verb] ?? []).map((rule, index) => ({ rule, path: `spec.${verb}[${index}]` })),
  );
}

function rulesOf(
  source: ValidObject<'AccessPolicy'>,
  verb: Verb,
  context: PolicyContext,
  problems: ProblemList,
): AccessRule[] {
  return (source.object.spec[verb] ?? []).map((rule, index) => {
    const path = `spec.${verb}[${index}]`;
    warnOfUnknownCallers(source, rule, path, context, problems);
    const end = endOf(rule, context);
    if (end.hasEnded === true) problems.warning(source, hasEnded(`${path}.notAfter`, verb, rule));
    return {
      callers: callersOf(rule, source.ref.namespace, context),
      match: requestMatch(rule.to ?? {}),
      ports: [...new Set(rule.to?.ports)].sort((left, right) => left - right),
      ...(rule.token === undefined ? {} : { token: tokenOf(rule.token) }),
      ...(rule.when === undefined ? {} : { when: rule.when }),
      ...end,
      where: whereOf(source, path),
    };
  });
}

function endOf({ notAfter }: AccessRuleObject, { nowMs }: PolicyContext): Pick<AccessRule, 'notAfterMs' | 'hasEnded'> {
  if (notAfter === undefined) return {};
  const notAfterMs = Date.parse(notAfter);
  return nowMs !== undefined && notAfterMs <= nowMs ? { notAfterMs, hasEnded: true } : { notAfterMs };
}

function hasEnded(path: string, verb: Verb, { notAfter }: AccessRuleObject): Mistake {
  const told = {
    allow: 'lets nobody in any more, nor does the default where it speaks',
    deny: 'refuses nobody any more',
  };
  return {
    code: 'expired-rule',
    path,
    message: `the rule ended at ${quote(notAfter ?? '')} and ${told[verb]}`,
    advice: 'remove it, or write a later end',
  };
}

/** Names of the rules whose end had passed when they were built. */
export function endedRules(policies: ReadonlyMap<string, AccessPolicy>): string[] {
  return [...policies.values()].flatMap(({ key, allow, deny }) =>
    Object.entries({ allow, deny }).flatMap(([verb, rules]) =>
      rules.flatMap((rule, index) => (rule.hasEnded === true ? [`AccessPolicy/${key}/${verb}/${index}`] : [])),
    ),
  );
}

/** @param to of a rule, or of a grant. */
export function requestMatch(to: Omit<NonNullable<AccessRuleObject['to']>, 'ports'>): RequestMatch {
  return {
    methods: [...new Set(to.methods)].sort(compareText),
    paths: pathMatches(to.paths),
    ...(to.hosts === undefined ? {} : { hosts: [...new Set(to.hosts)].sort(compareText).map(hostMatch) }),
    ...(to.headers === undefined ? {} : { headers: to.headers.map(headerMatch) }),
  };
}

function hostMatch(written: string): HostMatch {
  return written.startsWith('*.') ? { kind: 'suffix', suffix: written.slice(1) } : { kind: 'exact', host: written };
}

/** The schema lets one of the three be written, and not none. */
function headerMatch({ name, exact, prefix, present }: HeaderObject): HeaderMatch {
  if (exact !== undefined) return { kind: 'exact', name, value: exact };
  if (prefix !== undefined) return { kind: 'prefix', name, prefix };
  return { kind: present === false ? 'absent' : 'present', name };
}

function tokenOf({ provider, groups = [], claims = [] }: NonNullable<AccessRuleObject['token']>): TokenMatch {
  return { ...(provider === undefined ? {} : { provider }), groups, claims };
}

function callersOf({ from = {} }: AccessRuleObject, namespace: string, { trustDomain }: PolicyContext): CallerMatch {
  const accounts = (from.serviceAccounts ?? []).map((serviceAccount) =>
    formatSpiffeId({ trustDomain, namespace, serviceAccount }),
  );
  return {
    tenants: [...new Set(from.tenants)].sort(compareText),
    spiffeIds: [...new Set([...accounts, ...(from.principals ?? [])])].sort(compareText),
  };
}

function warnOfUnknownCallers(
  source: ValidObject<'AccessPolicy'>,
  { from = {} }: AccessRuleObject,
  path: string,
  { tenants, serviceAccounts }: PolicyContext,
  problems: ProblemList,
): void {
  for (const [index, tenant] of (from.tenants ?? []).entries()) {
    if (tenants.has(tenant)) continue;
    problems.warning(source, {
      code: 'dangling-reference',
      path: `${path}.from.tenants[${index}]`,
      message: `there is no tenant ${quote(tenant)}, so this part of the rule matches nobody`,
      advice: 'check the name of the tenant',
    });
  }
  const { namespace } = source.ref;
  for (const [index, account] of (from.serviceAccounts ?? []).entries()) {
    if (serviceAccounts.has(`${namespace}/${account}`)) continue;
    problems.warning(source, unknownAccount(`${path}.from.serviceAccounts[${index}]`, account, namespace));
  }
}
