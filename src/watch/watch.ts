/**
 * Events that mean something together: a fold over everything that is recorded.
 *
 *   event ──each rule: a sign?──▶ series of its party ──enough──▶ DetectorEvent, once an episode
 *
 * Pure: no clock, no timer, no randomness. The name of a finding is made of what it says and of the event that completed
 * it, so the same events give the same findings, whoever watches and in whatever portions they come.
 * Memory is bounded: of each rule the parties that gave a sign last are remembered. Somebody with more addresses than
 * that can make us forget him, and is loud by then.
 */
import type { DetectorEvent, EvidenceEvent } from '../evidence/event.ts';
import { contentHash } from '../model/canonical-json.ts';
import type { Rule, RuleSign } from './rule.ts';
import { rules as allRules } from './rules.ts';
import { type Finding, Series } from './series.ts';

/** Parties that one rule remembers. With fifty points of a hundred bytes each that is 5 MB at the very most. */
export const seriesPerRuleMax = 1_024;

export class Watch {
  readonly #rules: readonly { readonly rule: Rule; readonly series: Map<string, Series> }[];

  constructor(rules: readonly Rule[] = allRules) {
    this.#rules = rules.map((rule) => ({ rule, series: new Map() }));
  }

  /** Parties that are remembered, over all rules. */
  get parties(): number {
    return this.#rules.reduce((sum, { series }) => sum + series.size, 0);
  }

  /** @returns what this event completes; mostly nothing. */
  see(event: EvidenceEvent): readonly DetectorEvent[] {
    const found: DetectorEvent[] = [];
    for (const { rule, series } of this.#rules) {
      const sign = rule.signIn(event);
      if (sign === undefined) continue;
      const finding = seriesOf(series, rule, sign).sign({ point: sign.point, id: event.id, atMs: event.atMs });
      if (finding !== undefined) found.push(detectorEvent(rule, sign, finding, event));
    }
    return found;
  }
}

/** The one that gave a sign last is the last to be forgotten. */
function seriesOf(series: Map<string, Series>, { threshold }: Rule, { about, tenant }: RuleSign): Series {
  const key = JSON.stringify([tenant, about]);
  const known = series.get(key) ?? new Series(threshold);
  series.delete(key);
  series.set(key, known);
  const [oldest] = series.keys();
  if (series.size > seriesPerRuleMax && oldest !== undefined) series.delete(oldest);
  return known;
}

function detectorEvent(rule: Rule, sign: RuleSign, finding: Finding, { id, atMs }: EvidenceEvent): DetectorEvent {
  const { detector, severity } = rule;
  const { about, tenant } = sign;
  const { events, eventCount } = finding;
  const name = `found-${contentHash(JSON.stringify([detector, tenant, about, id]))}`;
  const text = rule.tell(about, finding);
  return { kind: 'detector', id: name, atMs, tenant, detector, about, severity, text, events, eventCount };
}
