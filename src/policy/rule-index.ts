/**
 * The rules of one list, found by what a request shows: its caller, and the beginning of its path.
 *
 *   caller (anyone, tenant, identity) ──▶ segments every path of the rule begins with ──▶ rules
 *
 * A request looks into at most three callers and a few beginnings of its own path, however many rules there are; of what
 * it finds, each rule is put to it whole, so the index may offer too much and never decides. Rules that differ only
 * in method, host, header, token or `when` are offered together.
 */

import { parseSpiffeId } from '../model/spiffe-id.ts';
import { type Effect, leadingSegments, readingFor } from './match-path.ts';
import type { Caller, Rule } from './port-policy.ts';
import type { Reading } from './reading.ts';
import { RuleJudge, type RuleOutcome } from './rule-judge.ts';

/** Segments of a path by which a rule is found; what lies deeper is told apart when the rule is judged. */
const depthMax = 6;
/** Most places where one rule stands; a rule with more callers and paths is found by its callers alone. */
const placesMax = 1_024;

interface Entry {
  readonly judge: RuleJudge;
  /** Place in the list, so that of several matches the first of the list is told. */
  readonly order: number;
}

/** Of each outcome the first rule of the list that has it. */
export type Outcomes = Readonly<Partial<Record<RuleOutcome, Rule>>>;

export class RuleIndex {
  readonly #effect: Effect;
  readonly #byCaller = new Map<string, Map<string, Entry[]>>();
  readonly #naming = new Map<string, Rule[]>();

  constructor(rules: readonly Rule[], effect: Effect) {
    this.#effect = effect;
    for (const [order, rule] of rules.entries()) {
      this.#place(rule, { judge: new RuleJudge(rule, effect), order });
      for (const tenant of tenantsOf(rule)) append(this.#naming, tenant, rule);
    }
  }

  /** Every rule that speaks of the caller and may speak of the path, judged; in no particular order. */
  judge(reading: Reading): Outcomes {
    const first = new Map<RuleOutcome, Entry>();
    for (const entries of this.#offered(reading)) {
      for (const entry of entries) {
        const outcome = entry.judge.judge(reading);
        if (entry.order < (first.get(outcome)?.order ?? Number.POSITIVE_INFINITY)) first.set(outcome, entry);
      }
    }
    return Object.fromEntries([...first].map(([outcome, { judge }]) => [outcome, judge.rule]));
  }

  /** Rules that name the tenant, or an identity of it. */
  naming(tenant: string): readonly Rule[] {
    return this.#naming.get(tenant) ?? [];
  }

  #place(rule: Rule, entry: Entry): void {
    const callers = rule.callers === 'anyone' ? [anyone] : rule.callers.map(callerKey);
    const leads = new Set(rule.match.paths.map((path) => beginning(leadingSegments(path))));
    const beginnings = leads.size === 0 || callers.length * leads.size > placesMax ? [''] : leads;
    for (const caller of callers) {
      const places = this.#byCaller.get(caller) ?? new Map<string, Entry[]>();
      this.#byCaller.set(caller, places);
      for (const lead of beginnings) append(places, lead, entry);
    }
  }

  #offered({ principal, tenant, http }: Reading): Entry[][] {
    const beginnings = http === undefined ? [''] : beginningsOf(readingFor(this.#effect, http.read));
    return [anyone, tenantKey(tenant), principal].flatMap((caller) => {
      const places = this.#byCaller.get(caller);
      return places === undefined ? [] : beginnings.flatMap((lead) => [places.get(lead) ?? []]);
    });
  }
}

const anyone = '*';

/** An identity stands for itself: no SPIFFE ID looks like the other keys. */
function callerKey(caller: Caller): string {
  return caller.kind === 'tenant' ? tenantKey(caller.tenant) : caller.spiffeId;
}

function tenantKey(tenant: string): string {
  return `tenant ${tenant}`;
}

function beginning(segments: readonly string[]): string {
  return segments.slice(0, depthMax).join('/');
}

/** From none to as many as a rule is found by. */
function beginningsOf(segments: readonly string[]): string[] {
  const lengths = Math.min(segments.length, depthMax) + 1;
  return Array.from({ length: lengths }, (_, length) => beginning(segments.slice(0, length)));
}

function tenantsOf({ callers }: Rule): ReadonlySet<string> {
  if (callers === 'anyone') return new Set();
  return new Set(
    callers.flatMap((caller) => {
      if (caller.kind === 'tenant') return [caller.tenant];
      const parsed = parseSpiffeId(caller.spiffeId);
      return parsed.kind === 'ok' ? [parsed.id.namespace] : [];
    }),
  );
}

function append<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
