/**
 * One rule put to one request: it matches, or the first of its conditions that does not hold.
 *
 *   caller ─▶ method ─▶ path ─▶ host ─▶ header ─▶ end ─▶ token ─▶ when
 *
 * The cheap conditions come first, so that a token is verified only where all else holds. What cannot be judged is no
 * match in an allow and a match in a deny: a header that is no text, a token that is not valid or does not tell what is
 * asked, an error in CEL.
 */

import { noHeaders } from './access-request.ts';
import { type Condition, planCondition } from './cel/condition.ts';
import { type Effect, type PathMatcher, pathMatcher } from './match-path.ts';
import { matchesHeader, matchesHost } from './match-request.ts';
import { asksUntold, matchesToken } from './match-token.ts';
import { type Callers, matchesEvery, type Rule } from './port-policy.ts';
import type { Reading } from './reading.ts';

export type RuleOutcome =
  | 'matches'
  | 'other-caller'
  | 'other-method'
  | 'other-path'
  | 'other-host'
  | 'other-header'
  | 'ended'
  | 'token-missing'
  /** Or it does not tell what is asked. */
  | 'token-invalid'
  | 'other-token'
  | 'condition-false'
  | 'condition-error';

export class RuleJudge {
  readonly rule: Rule;
  readonly #effect: Effect;
  readonly #paths: readonly PathMatcher[];
  readonly #condition: Condition | undefined;

  constructor(rule: Rule, effect: Effect) {
    this.rule = rule;
    this.#effect = effect;
    this.#paths = rule.match.paths.map((path) => pathMatcher(path, effect));
    this.#condition = rule.when === undefined ? undefined : planCondition(rule.when);
  }

  judge(reading: Reading): RuleOutcome {
    const { callers, notAfterMs } = this.rule;
    if (!matchesCallers(callers, reading)) return 'other-caller';
    const miss = this.#requestMiss(reading);
    if (miss !== undefined) return miss;
    if (notAfterMs !== undefined && reading.nowMs >= notAfterMs) return 'ended';
    return this.#tokenMiss(reading) ?? this.#conditionMiss(reading) ?? 'matches';
  }

  #requestMiss({ http }: Reading): RuleOutcome | undefined {
    const { match } = this.rule;
    if (http === undefined) return matchesEvery(match) ? undefined : 'other-path';
    const { methods, paths, hosts, headers = [] } = match;
    if (methods.length > 0 && !methods.includes(http.method)) return 'other-method';
    if (paths.length > 0 && !this.#paths.some((matches) => matches(http.read))) return 'other-path';
    if (hosts !== undefined && !matchesHost(hosts, http.host)) return 'other-host';
    const lines = http.headers ?? noHeaders;
    return headers.every((header) => matchesHeader(header, this.#effect, lines)) ? undefined : 'other-header';
  }

  #tokenMiss(reading: Reading): RuleOutcome | undefined {
    const { token: wanted } = this.rule;
    if (wanted === undefined) return undefined;
    const token = reading.token();
    if (token.kind === 'none') return 'token-missing';
    if (token.kind === 'invalid') return this.#unless('token-invalid');
    if (matchesToken(wanted, token)) return undefined;
    return asksUntold(wanted, token) ? this.#unless('token-invalid') : 'other-token';
  }

  #conditionMiss(reading: Reading): RuleOutcome | undefined {
    const result = this.#condition?.(reading) ?? true;
    if (result === 'error') return this.#unless('condition-error');
    return result ? undefined : 'condition-false';
  }

  /** What is no match in an allow only. */
  #unless(miss: RuleOutcome): RuleOutcome | undefined {
    return this.#effect === 'deny' ? undefined : miss;
  }
}

function matchesCallers(callers: Callers, { principal, tenant }: Reading): boolean {
  if (callers === 'anyone') return true;
  return callers.some((caller) =>
    caller.kind === 'tenant' ? caller.tenant === tenant : caller.spiffeId === principal,
  );
}
