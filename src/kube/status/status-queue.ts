/**
 * Whose status is to be looked after, and when: at most one entry for each object, the newest wish in it.
 *
 *   wished() ──▶ entry, due now | later | at the review ──▶ next(now)
 *
 * What somebody may wait for (another generation, a condition that turned) goes before what only reads otherwise: counts
 * that move with every pod would else be a write for each. So the queue is as long as there are objects, and no longer.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import type { KubeObject } from '../objects.ts';
import type { Wish } from './wish.ts';

export interface Known {
  readonly object: KubeObject;
  /** For whom it was read: another one must be read again. */
  readonly of: SourcedObject;
  /** Until when it is believed, in ms. */
  readonly untilMs: number;
}

export interface Entry {
  wish: Wish;
  /** What somebody may wait for; see above. */
  facts: string;
  /** The object as it stood last; absent where it must be read. */
  known: Known | undefined;
  /** In the clock of whoever asks, in ms; Infinity: when it is wished for again. */
  dueMs: number;
  isUrgent: boolean;
  /** In a row. */
  failures: number;
  isUnderWay: boolean;
  /** It was wished for anew while it was under way. */
  isStale: boolean;
}

/** How long a change that only reads otherwise may wait for the next one, in ms. */
export const wordsMs = 30_000;

export class StatusQueue {
  readonly #entries = new Map<string, Entry>();

  /** @param wishes of all objects, by id: of any other nothing is wished any more. */
  wish(wishes: ReadonlyMap<string, Wish>, nowMs: number): void {
    for (const [id, entry] of this.#entries) if (!wishes.has(id)) this.#letGo(id, entry, nowMs);
    for (const [id, wish] of wishes) {
      const entry = this.#entries.get(id);
      if (entry?.wish === wish) continue;
      const facts = factsOf(wish);
      if (entry === undefined) {
        this.#entries.set(id, { ...newEntry, wish, facts, dueMs: nowMs });
        continue;
      }
      const isOther = entry.wish.object !== wish.object || entry.facts !== facts;
      entry.wish = wish;
      entry.facts = facts;
      entry.isStale = entry.isUnderWay;
      entry.isUrgent ||= isOther;
      entry.dueMs = Math.min(entry.dueMs, nowMs + (isOther ? 0 : wordsMs));
    }
  }

  /** Of a route that has become another controller's, ours is to be taken back; of all else nothing is left to say. */
  #letGo(id: string, entry: Entry, nowMs: number): void {
    const { wish } = entry;
    if (wish.isWithdrawn) return;
    if (wish.object.ref.kind !== 'HTTPRoute') {
      this.#entries.delete(id);
      return;
    }
    entry.wish = { ...wish, isWithdrawn: true };
    entry.known = undefined;
    entry.isStale = entry.isUnderWay;
    entry.dueMs = nowMs;
  }

  /** It stands as it was wished, or is gone. @param untilMs when to look at it again. */
  done(entry: Entry, nowMs: number, untilMs: number): void {
    entry.failures = 0;
    entry.dueMs = Math.min(entry.dueMs, entry.isStale ? nowMs : untilMs);
    entry.isUrgent ||= entry.isStale;
    if (entry.wish.isWithdrawn && !entry.isStale) this.#entries.delete(entry.wish.object.id);
  }

  /** Everything is to be looked at again, and nothing is known of what stands there: somebody else may have written. */
  renew(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      entry.known = undefined;
      entry.dueMs = nowMs;
      entry.failures = 0;
      entry.isUrgent = false;
    }
  }

  /** The one that comes first of those that are not under way, due or not. */
  first(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.isUnderWay || entry.dueMs === Infinity) continue;
      if (first === undefined || entry.dueMs < first.dueMs) first = entry;
    }
    return first;
  }

  /** Of those that are due: one that somebody may wait for, or the oldest. */
  next(nowMs: number): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.isUnderWay || entry.dueMs > nowMs) continue;
      const isBefore = next?.isUrgent === entry.isUrgent ? entry.dueMs < next.dueMs : entry.isUrgent;
      if (next === undefined || isBefore) next = entry;
    }
    return next;
  }
}

const newEntry = { known: undefined, isUrgent: false, failures: 0, isUnderWay: false, isStale: false };

function factsOf({ conditions, drill, problems, object }: Wish): string {
  const turned = conditions.map(({ type, status, reason }) => [type, status, reason]);
  const ofRoute = object.ref.kind === 'HTTPRoute' ? problems.map(({ path, condition }) => [path, condition]) : [];
  return canonicalJson([turned, drill ?? null, ofRoute]);
}
