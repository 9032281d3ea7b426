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

/** Rules with a path that begins with the segments which lead here, and the places behind it. */
class Place {
  readonly entries: Entry[] = [];
  readonly #next = new Map<string, Place>();

  at(segment: string): Place | undefined {
    return this.#next.get(segment);
  }

  /** @returns the place, made where there is none. */
  behind(segments: readonly string[]): Place {
    return segments.reduce<Place>((place, segment) => place.#made(segment), this);
  }

  #made(segment: string): Place {
    return madeIn(this.#next, segment, () => new Place());
  }
}

/** Of each outcome the first rule of the list that has it. */
export type Outcomes = Readonly<Partial<Record<RuleOutcome, Rule>>>;

export class RuleIndex {
  readonly #effect: Effect;
  readonly #ofAnyone = new Place();
  readonly #ofTenants = new Map<string, Place>();
  readonly #ofIdentities = new Map<string, Place>();
  readonly #naming = new Map<string, Rule[]>();

  constructor(rules: readonly Rule[], effect: Effect) {
    this.#effect = effect;
    for (const [order, rule] of rules.entries()) {
      this.#place(rule, { judge: new RuleJudge(rule, effect), order });
      for (const tenant of tenantsOf(rule)) madeIn(this.#naming, tenant, () => []).push(rule);
    }
  }

  /** Every rule that speaks of the caller and may speak of the path, judged; in no particular order. */
  judge(reading: Reading): Outcomes {
    const { principal, tenant, http } = reading;
    const segments = http === undefined ? none : readingFor(this.#effect, http.read);
    const firsts = new Firsts(reading);
    firsts.along(this.#ofAnyone, segments);
    firsts.along(this.#ofTenants.get(tenant), segments);
    firsts.along(this.#ofIdentities.get(principal), segments);
    return firsts.rules;
  }

  /** Rules that name the tenant, or an identity of it. */
  naming(tenant: string): readonly Rule[] {
    return this.#naming.get(tenant) ?? [];
  }

  #place(rule: Rule, entry: Entry): void {
    const { callers, match } = rule;
    const roots = callers === 'anyone' ? [this.#ofAnyone] : callers.map((caller) => this.#rootOf(caller));
    const leads = match.paths.map((path) => leadingSegments(path).slice(0, depthMax));
    const hasRoom = leads.length > 0 && roots.length * leads.length <= placesMax;
    for (const root of roots) {
      const places = hasRoom ? leads.map((lead) => root.behind(lead)) : [root];
      for (const { entries } of new Set(places)) entries.push(entry);
    }
  }

  #rootOf(caller: Caller): Place {
    const root = () => new Place();
    return caller.kind === 'tenant'
      ? madeIn(this.#ofTenants, caller.tenant, root)
      : madeIn(this.#ofIdentities, caller.spiffeId, root);
  }
}

/** What the rules that one request comes by say of it. */
class Firsts {
  readonly rules: Partial<Record<RuleOutcome, Rule>> = {};
  readonly #orders: Partial<Record<RuleOutcome, number>> = {};
  readonly #reading: Reading;

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  along(root: Place | undefined, segments: readonly string[]): void {
    let place = root;
    for (let depth = 0; place !== undefined; depth += 1) {
      this.#judge(place.entries);
      const segment = segments[depth];
      place = segment === undefined ? undefined : place.at(segment);
    }
  }

  #judge(entries: readonly Entry[]): void {
    for (const { judge, order } of entries) {
      const outcome = judge.judge(this.#reading);
      if (order >= (this.#orders[outcome] ?? Number.POSITIVE_INFINITY)) continue;
      this.#orders[outcome] = order;
      this.rules[outcome] = judge.rule;
    }
  }
}

const none: readonly string[] = [];

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

function madeIn<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
