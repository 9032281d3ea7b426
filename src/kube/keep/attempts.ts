/**
 * When each object may be written next: at once, and the more often it had to be, the later.
 *
 * A write that failed and one that somebody undid are the same here: both are to be done again, and whoever fights with us
 * shall not have the whole of an API server for it.
 */
import { backoffMs, type InformTimings } from '../inform/timings.ts';

interface Attempt {
  readonly count: number;
  readonly atMs: number;
  readonly dueMs: number;
  /** Hash of what was wanted: another wish has not been tried yet. */
  readonly wish: string;
}

/** After so many waits in peace an object is written at once again. */
const calmWaits = 10;

export class Attempts {
  readonly #timings: InformTimings;
  readonly #of = new Map<string, Attempt>();

  constructor(timings: InformTimings) {
    this.#timings = timings;
  }

  /** @param wish empty for a removal. @returns ms from which it may be written. */
  dueMs(key: string, wish: string): number {
    const attempt = this.#of.get(key);
    return attempt === undefined || attempt.wish !== wish ? 0 : attempt.dueMs;
  }

  /** @param retryAfterMs as the API server asked. */
  tried(key: string, wish: string, nowMs: number, random: number, retryAfterMs = 0): void {
    const before = this.#of.get(key);
    const isOver =
      before === undefined || before.wish !== wish || nowMs > before.dueMs + calmWaits * (before.dueMs - before.atMs);
    const count = isOver ? 1 : before.count + 1;
    const asked = Math.min(retryAfterMs, this.#timings.retryAfterMaxMs);
    const waitMs = Math.max(backoffMs(this.#timings, Math.min(count, 30), random), asked);
    this.#of.set(key, { count, atMs: nowMs, dueMs: nowMs + waitMs, wish });
  }

  /** @param keys of objects that there still are, or shall be. */
  keepOnly(keys: { has(key: string): boolean }): void {
    for (const key of this.#of.keys()) if (!keys.has(key)) this.#of.delete(key);
  }

  clear(): void {
    this.#of.clear();
  }
}
