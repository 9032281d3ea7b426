/**
 * Signs of one thing about one party, in a row: when they are enough to be told, and when it is over.
 *
 *   sign(point) ──▶ different points within the window ──as many as it takes──▶ Finding, once ──quiet for a while──▶ over
 *
 * Time is that of the events, never the watcher's own: the same events give the same findings, however they come and
 * however late. A clock that was set back by less than a window counts as standing still; by more, it begins anew.
 */

export interface Threshold {
  /** Different points within the window that make a finding. Also the most that are remembered before it. */
  readonly pointsMin: number;
  readonly windowMs: number;
  /** Without a sign for as long, the episode is over, and the next signs are a new one. */
  readonly quietMs: number;
  /** Where each new point is a finding of its own: most points of one episode that are told. */
  readonly eachUpTo?: number;
}

export interface Finding {
  /** What made it, oldest first. */
  readonly points: readonly string[];
  /** Ids of the events that brought the points, the first ten. */
  readonly events: readonly string[];
  /** Signs of the episode so far. */
  readonly eventCount: number;
  /** Who alone brought all of them; undefined where several did. */
  readonly witness: string | undefined;
}

export interface Sign {
  readonly point: string;
  /** Who tells of it. */
  readonly witness: string;
  /** Of the event. */
  readonly id: string;
  /** Epoch ms. */
  readonly atMs: number;
}

/** Most events that a finding names. */
const eventsNamedMax = 10;

export class Series {
  readonly #threshold: Threshold;
  /** Oldest first. */
  #points = new Map<string, { readonly id: string; readonly atMs: number }>();
  #lastMs = -Infinity;
  #count = 0;
  #isTold = false;
  /** Of the episode, the first and one that differs. */
  #witnesses = new Set<string>();

  constructor(threshold: Threshold) {
    this.#threshold = threshold;
  }

  /** @returns a finding where this sign makes one. */
  sign({ point, witness, id, atMs }: Sign): Finding | undefined {
    const { windowMs, quietMs } = this.#threshold;
    if (atMs - this.#lastMs >= quietMs || atMs < this.#lastMs - windowMs) this.#begin();
    this.#lastMs = atMs < this.#lastMs && this.#count > 0 ? this.#lastMs : atMs;
    this.#count += 1;
    if (this.#witnesses.size < 2) this.#witnesses.add(witness);
    return this.#isTold ? this.#further(point, id) : this.#first(point, id);
  }

  #begin(): void {
    this.#points = new Map();
    this.#count = 0;
    this.#isTold = false;
    this.#witnesses = new Set();
  }

  get #onlyWitness(): string | undefined {
    const [first] = this.#witnesses;
    return this.#witnesses.size === 1 ? first : undefined;
  }

  #first(point: string, id: string): Finding | undefined {
    const { pointsMin, windowMs } = this.#threshold;
    const known = this.#points.get(point);
    this.#points.delete(point);
    this.#points.set(point, { id: known?.id ?? id, atMs: this.#lastMs });
    for (const [oldest, { atMs }] of this.#points) {
      if (atMs > this.#lastMs - windowMs) break;
      this.#points.delete(oldest);
    }
    if (this.#points.size < pointsMin) return undefined;
    this.#isTold = true;
    const events = [...this.#points.values()].slice(0, eventsNamedMax).map((each) => each.id);
    return { points: [...this.#points.keys()], events, eventCount: this.#count, witness: this.#onlyWitness };
  }

  #further(point: string, id: string): Finding | undefined {
    const { eachUpTo = 0 } = this.#threshold;
    if (this.#points.size >= eachUpTo || this.#points.has(point)) return undefined;
    this.#points.set(point, { id, atMs: this.#lastMs });
    return { points: [point], events: [id], eventCount: 1, witness: this.#onlyWitness };
  }
}
