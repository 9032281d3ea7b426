/** What a token leaves untold, by hand: no match in an allow, a match in a deny, and another's business where it is not asked. */

import { decide } from '../../src/policy/decide.ts';
import type { Effect } from '../../src/policy/match-path.ts';
import type { Rule } from '../../src/policy/port-policy.ts';
import { readRequest } from '../../src/policy/reading.ts';
import { RuleJudge } from '../../src/policy/rule-judge.ts';
import type { TokenFacts, Untold } from '../../src/policy/token.ts';
import { spiffeId } from '../../test/policy/language/drawn.ts';

const principal = spiffeId('aurore', 'adele');
const request = { kind: 'http', principal, method: 'GET', path: '/', host: 'a.test' } as const;
const any: Rule = { name: 'r', callers: 'anyone', match: { methods: [], paths: [] }, where: { file: 'f', line: 1 } };

const groupsUntold: Untold = { groups: true, claims: ['groups'], why: 'they are too many' };
const claimsUntold: Untold = { groups: false, claims: ['dept'], why: 'they are elsewhere' };

/** Told: a group, a level and a department of another claim's. */
function bearing(untold: Untold): TokenFacts {
  return {
    ...{ kind: 'valid', provider: 'staff', issuer: 'https://id.test', subject: 'u1', expiresAtMs: 1e15 },
    groups: untold.groups ? [] : ['eng'],
    claims: { level: 3, office: { dept: 'art' } },
    untold,
  };
}

export function untoldFindings(): string[] {
  const outcome = (effect: Effect, untold: Untold, rule: Partial<Rule>): string => {
    const reading = readRequest({ ...request, token: () => bearing(untold) }, 'mesh.test', 0);
    return reading === undefined ? 'nobody' : new RuleJudge({ ...any, ...rule }, effect).judge(reading);
  };
  const both = (untold: Untold, rule: Partial<Rule>) =>
    (['allow', 'deny'] as const).map((effect) => outcome(effect, untold, rule)).join(', ');
  const asked = (path: readonly string[], value: string, groups: readonly string[] = [], provider = 'staff') => ({
    token: { provider, groups, claims: [{ path, values: [value] }] },
  });
  const groups = (...names: readonly string[]) => ({ token: { groups: names, claims: [] } });
  const reason = (rule: Partial<Rule>): string => {
    const policy = { trustDomain: 'mesh.test', tenant: 'aurore', deny: [], allow: [{ ...any, ...rule }] };
    const decision = decide(policy, { ...request, token: () => bearing(groupsUntold) }, 0);
    return decision.kind === 'deny' ? decision.reason.kind : 'allow';
  };
  const unknown = 'token-invalid, matches';
  const others = 'other-token, other-token';
  const rows: readonly [string, string, string][] = [
    ['groups', both(groupsUntold, groups('eng')), unknown],
    ['groups beside a claim that is told', both(groupsUntold, asked(['level'], '3', ['eng'])), unknown],
    ['groups beside another claim', both(groupsUntold, asked(['level'], '4', ['eng'])), others],
    ['groups of another provider', both(groupsUntold, asked(['level'], '3', ['eng'], 'guests')), others],
    ['a claim', both(claimsUntold, asked(['dept'], 'law')), unknown],
    ['a claim within one', both(claimsUntold, asked(['dept', 'name'], 'law')), unknown],
    ['a claim called like one', both(claimsUntold, asked(['office', 'dept'], 'law')), others],
    ['a claim that is told', both(claimsUntold, asked(['level'], '4')), others],
    ['a claim beside other groups', both(claimsUntold, asked(['dept'], 'law', ['sales'])), others],
    ['groups beside an untold claim', both(claimsUntold, groups('sales')), others],
    ['a condition on groups', both(groupsUntold, { when: '"eng" in token.groups' }), 'condition-error, matches'],
    ['a condition on claims', both(claimsUntold, { when: 'token.claims.level >= 4' }), 'condition-error, matches'],
    ['a condition on told groups', both(claimsUntold, { when: '"eng" in token.groups' }), 'matches, matches'],
    ['what is told of groups', reason(groups('eng')), 'token-untold'],
    ['what is told of another claim', reason(asked(['level'], '4')), 'no-allow-rule'],
  ];
  return rows.flatMap(([what, found, want]) => (found === want ? [] : [`untold: ${what} is ${found}, not ${want}`]));
}
