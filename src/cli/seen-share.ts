/**
 * How much of the traffic a replay can have seen: refusals are all kept, of what was allowed only a sample.
 *
 * A replay that flips nothing proves nothing about requests that nobody recorded, so their share is told, and how often
 * a caller must have come to be seen at all.
 */
import type { LossEvent, StoreEvent } from '../evidence/event.ts';
import type { TimeSpan } from './recorded-events.ts';

export interface SeenShare {
  /** Requests that were recorded as allowed, and how many they stand for. */
  readonly allowed: number;
  readonly standFor: number;
  /** From 0 to 1; absent where nothing was allowed. */
  readonly share?: number;
  /** A caller who came fewer times than this is missed with a chance of one in twenty or more; absent likewise. */
  readonly seenFrom?: number;
  /** Records that were lost on their way, as the evidence itself says. */
  readonly lost: number;
  /** Epoch ms before which bodies of a class that matters here were pruned; absent where they were not. */
  readonly prunedBeforeMs?: number;
}

/** Chance that a caller is missed which is taken for small. */
const missChance = 0.05;

export class SeenTally {
  #allowed = 0;
  #standFor = 0;
  #lost = 0;
  #prunedBeforeMs = 0;
  readonly #span: TimeSpan;

  constructor(span: TimeSpan) {
    this.#span = span;
  }

  sampled(standsFor: number): void {
    this.#allowed += 1;
    this.#standFor += standsFor;
  }

  missing(event: LossEvent | StoreEvent): void {
    if (event.kind === 'loss') this.#lost += event.count;
    else if (event.pruned?.class === 'traffic' || event.pruned?.class === 'security') {
      this.#prunedBeforeMs = Math.max(this.#prunedBeforeMs, event.pruned.beforeMs);
    }
  }

  share(): SeenShare {
    const counts = { allowed: this.#allowed, standFor: Math.round(this.#standFor), lost: this.#lost };
    const pruned = this.#prunedBeforeMs > this.#span.sinceMs ? { prunedBeforeMs: this.#prunedBeforeMs } : {};
    if (this.#allowed === 0) return { ...counts, ...pruned };
    const share = Math.min(1, this.#allowed / this.#standFor);
    return { ...counts, share, seenFrom: timesToBeSeen(share), ...pruned };
  }
}

/** How often somebody must come for a sample of this share to miss him with at most `missChance`. */
function timesToBeSeen(share: number): number {
  return share >= 1 ? 1 : Math.ceil(Math.log(missChance) / Math.log(1 - share));
}
