/**
 * Looks soon after a word, at last without one, and never twice at once.
 *
 *   soon() … soon() ──settleMs──▶ look ──at least gapMs──▶ look …        no word for lastMs ──▶ look
 *
 * Words that come while a look is under way are one more look behind it. After `close` none begins and no timer stands,
 * whoever still has a word to say.
 */
export interface PaceClock {
  /** Of a clock that nobody sets. */
  monotonicMs(): number;
  /** @returns cancels the timer; may be called twice. */
  setTimer(afterMs: number, then: () => void): () => void;
}

export interface Pace {
  /** From a word to its look, in ms: what follows from it is in by then. Default: 0. */
  readonly settleMs?: number;
  /** Shortest time between two looks, from the end of one, in ms. */
  readonly gapMs: number;
  /** Longest, in ms: for what changes without a word. */
  readonly lastMs: number;
  /** Looks take this part of the time at most, above 0 and up to 1. Default: 1. */
  readonly share?: number;
}

export class PacedLook {
  readonly #clock: PaceClock;
  readonly #pace: Required<Pace>;
  readonly #look: () => void | Promise<void>;
  #underWay: Promise<void> | undefined;
  /** A word came while a look was under way. */
  #isAwaited = false;
  #isClosed = false;
  /** When the next look may be at the earliest, whatever happens. */
  #restedMs = Number.NEGATIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => undefined;

  /** @param look must not throw: that ends the process. The first without a word comes after `lastMs`. */
  constructor(clock: PaceClock, pace: Pace, look: () => void | Promise<void>) {
    this.#clock = clock;
    this.#pace = { settleMs: 0, share: 1, ...pace };
    this.#look = look;
    this.#lookWithin(this.#pace.lastMs);
  }

  soon(): void {
    if (this.#underWay === undefined) this.#lookWithin(this.#pace.settleMs);
    else this.#isAwaited = true;
  }

  /** @returns when what was under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    await this.#underWay;
  }

  #lookWithin(waitMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const atMs = Math.max(this.#restedMs, nowMs + waitMs);
    if (this.#isClosed || atMs >= this.#dueMs) return;
    this.#cancel();
    this.#dueMs = atMs;
    this.#cancel = this.#clock.setTimer(atMs - nowMs, () => {
      this.#underWay = this.#run();
    });
  }

  async #run(): Promise<void> {
    const { settleMs, gapMs, lastMs, share } = this.#pace;
    const beganMs = this.#clock.monotonicMs();
    this.#isAwaited = false;
    await this.#look();
    const nowMs = this.#clock.monotonicMs();
    this.#restedMs = nowMs + Math.max(gapMs, (nowMs - beganMs) * (1 / share - 1));
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#underWay = undefined;
    this.#lookWithin(this.#isAwaited ? settleMs : lastMs);
  }
}
