/**
 * Events that mean something together: a fold over everything that is recorded.
 *
 *   event ──each rule: a sign?──▶ series of its party ──enough──▶ DetectorEvent, once an episode
 *
 * Pure: no clock, no timer, no randomness. The name of a finding is made of what it says and of the event that completed
 * it, so the same events give the same findings, whoever watches and in whatever portions they come.
 * Memory is bounded: of each rule the parties that gave a sign last are remembered; see crowd.ts.
 * A sidecar may lie about who called it, be it to bring somebody innocent under suspicion: a finding that only one has told
 * of says so, and by whom.
 */
import type { DetectorEvent, EvidenceEvent } from '../evidence/event.ts';
import { contentHash } from '../model/canonical-json.ts';
import { quote } from '../model/quote.ts';
import { Crowd } from './crowd.ts';
import type { Rule, RuleSign } from './rule.ts';
import { rules as allRules } from './rules.ts';
import { type Finding, Series } from './series.ts';

export class Watch {
  readonly #rules: readonly { readonly rule: Rule; readonly crowd: Crowd }[];

  constructor(rules: readonly Rule[] = allRules) {
    this.#rules = rules.map((rule) => ({ rule, crowd: new Crowd() }));
  }

  /** Parties that are remembered, over all rules. */
  get parties(): number {
    return this.#rules.reduce((sum, { crowd }) => sum + crowd.size, 0);
  }

  /** @returns what this event completes; mostly nothing. */
  see(event: EvidenceEvent): readonly DetectorEvent[] {
    const found: DetectorEvent[] = [];
    const witness = witnessOf(event);
    for (const { rule, crowd } of this.#rules) {
      const sign = rule.signIn(event);
      if (sign === undefined) continue;
      const party = JSON.stringify([sign.tenant, sign.about]);
      const series = crowd.seriesOf(party, witness, () => new Series(rule.threshold));
      const finding = series.sign({ point: sign.point, witness, id: event.id, atMs: event.atMs });
      if (finding !== undefined) found.push(detectorEvent(rule, sign, finding, event));
    }
    return found;
  }
}

/** Whose sidecar tells of somebody else; empty of what it tells of its own workload, and of what we saw ourselves. */
function witnessOf(event: EvidenceEvent): string {
  switch (event.kind) {
    case 'denial':
    case 'plaintext-attempt':
    case 'handshake-failure':
      return event.workload ?? '';
    case 'undeclared-port':
      return event.direction === 'inbound' ? (event.workload ?? '') : '';
    default:
      return '';
  }
}

function detectorEvent(rule: Rule, sign: RuleSign, finding: Finding, { id, atMs }: EvidenceEvent): DetectorEvent {
  const { detector, severity } = rule;
  const { about, tenant } = sign;
  const { events, eventCount } = finding;
  const name = `found-${contentHash(JSON.stringify([detector, tenant, about, id]))}`;
  const { witness } = finding;
  const alone = witness === '' || witness === undefined ? '' : `; only the sidecar of ${quote(witness)} tells of this`;
  const text = `${rule.tell(about, finding)}${alone}`;
  return { kind: 'detector', id: name, atMs, tenant, detector, about, severity, text, events, eventCount };
}
