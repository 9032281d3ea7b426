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
import type { AccessPolicy, AccessRule, CallerMatch, Tenant } from '../snapshot.ts';
import { type BrokenObject, type SourcedObject, type ValidObject, whereOf } from '../sourced-object.ts';
import { formatSpiffeId, parseSpiffeId } from '../spiffe-id.ts';
import { unknownAccount } from './grants.ts';
import type { Inventory } from './inventory.ts';
import { sortedLabels } from './workloads.ts';

export interface PolicyContext {
  readonly trustDomain: string;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** `namespace/name` of every service account that is known to exist. */
  readonly serviceAccounts: ReadonlySet<string>;
}

type Verb = 'allow' | 'deny';

/** @returns by `namespace/name`, sorted. */
export function buildPolicies(
  inventory: Inventory,
  context: PolicyContext,
  problems: ProblemList,
): ReadonlyMap<string, AccessPolicy> {
  const policies = [
    ...inventory.of('AccessPolicy').map((source) => ({ source, policy: policyOf(source, context, problems) })),
    ...inventory.brokenPolicies.map((source) => ({ source, policy: brokenPolicy(source, source.selector) })),
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
  const foreign = foreignPrincipals(spec, context);
  for (const { path, principal } of foreign) {
    problems.error(source, {
      code: 'bad-value',
      path,
      message: `${quote(principal)} is of a trust domain that this mesh does not know; until it is mended the policy denies everything it selects`,
      advice: `name identities of ${quote(context.trustDomain)} only`,
    });
  }
  const selector = spec.selector?.matchLabels;
  if (foreign.length > 0) return brokenPolicy(source, selector);
  return {
    ...brokenPolicy(source, selector),
    allow: rulesOf(source, 'allow', context, problems),
    deny: rulesOf(source, 'deny', context, problems),
    broken: false,
  };
}

function brokenPolicy({ ref, where }: SourcedObject, selector: BrokenObject['selector']): AccessPolicy {
  return {
    key: `${ref.namespace}/${ref.name}`,
    tenant: ref.namespace,
    name: ref.name,
    selector: sortedLabels(selector),
    allow: [],
    deny: [],
    broken: true,
    where,
  };
}

function foreignPrincipals(
  spec: AccessPolicyObject['spec'],
  { trustDomain }: PolicyContext,
): { readonly path: string; readonly principal: string }[] {
  return (['allow', 'deny'] as const).flatMap((verb) =>
    (spec[verb] ?? []).flatMap((rule, ruleIndex) =>
      (rule.from?.principals ?? []).flatMap((principal, index) => {
        const parsed = parseSpiffeId(principal);
        if (parsed.kind === 'ok' && parsed.id.trustDomain === trustDomain) return [];
        return [{ path: `spec.${verb}[${ruleIndex}].from.principals[${index}]`, principal }];
      }),
    ),
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
    return {
      callers: callersOf(rule, source.ref.namespace, context),
      match: { methods: [...new Set(rule.to?.methods)].sort(compareText), paths: pathMatches(rule.to?.paths) },
      ports: [...new Set(rule.to?.ports)].sort((left, right) => left - right),
      where: whereOf(source, path),
    };
  });
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
