/** So many at once, and so many in a second thereafter: a token bucket. */
export class RateBound {
  readonly #atOnce: number;
  readonly #perMs: number;
  #left: number;
  /** When `#left` was right, in ms. */
  #atMs: number;

  constructor({ atOnce, perSecond }: Rate, nowMs: number) {
    this.#atOnce = atOnce;
    this.#perMs = perSecond / 1_000;
    this.#left = atOnce;
    this.#atMs = nowMs;
  }

  /** @param count of those that come. @returns false where it is too many. */
  take(nowMs: number, count = 1): boolean {
    this.#left = Math.min(this.#atOnce, this.#left + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#left < count) return false;
    this.#left -= count;
    return true;
  }
}

export interface Rate {
  readonly atOnce: number;
  readonly perSecond: number;
}
