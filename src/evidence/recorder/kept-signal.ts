/**
 * That something more was kept, for those who wait for it: a bounded list, and nobody waits longer than it said.
 *
 *   told ──look──▶ nothing new ──wait(told, ms)──▶ a word since then, or the time is over ──▶ look again
 *
 * Words that come close upon each other are one: what is kept a hundred times a second must not make everybody who
 * waits look a hundred times a second.
 */
import type { EvidenceClock } from './recorder-ports.ts';

/** Most that wait at once: a quarter of the connections of the management door, as the others are for who acts. Woken together, they all fit into the queue of the store's reader. */
export const waitingMax = 64;

/** Shortest between two times that those who wait are woken, in ms: no eye sees it. */
export const wakeMs = 250;

export class KeptSignal {
  readonly #clock: EvidenceClock;
  #told = 0;
  #next = Promise.withResolvers<void>();
  #waiting = 0;
  #wokenAtMs = -Infinity;
  #isDue = false;
  #isEnded = false;

  constructor(clock: EvidenceClock) {
    this.#clock = clock;
  }

  /** How many words there were. To be read before one looks, so that what is kept meanwhile ends the wait. */
  get told(): number {
    return this.#told;
  }

  tell(): void {
    this.#told += 1;
    if (this.#waiting > 0) this.#wakeSoon();
  }

  /** @returns ms that are left of `ms`, once there were more words than `seen`, or 0; undefined where too many wait, or all is over. */
  wait(seen: number, ms: number): Promise<number> | undefined {
    if (this.#isEnded || this.#waiting >= waitingMax) return undefined;
    this.#waiting += 1;
    const { promise } = this.#next;
    const begunAtMs = this.#clock.nowMs();
    if (this.#told !== seen) this.#wakeSoon();
    return new Promise((resolve) => {
      let isOver = false;
      const end = (leftMs: number) => {
        if (isOver) return;
        isOver = true;
        this.#waiting -= 1;
        cancel();
        resolve(leftMs);
      };
      const cancel = this.#clock.setTimer(ms, () => end(0));
      void promise.then(() => end(Math.min(ms, Math.max(0, begunAtMs + ms - this.#clock.nowMs()))));
    });
  }

  /** Nobody waits any more: a timer of seconds would hold up the end of the process. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  #wakeSoon(): void {
    if (this.#isDue) return;
    const agoMs = this.#clock.nowMs() - this.#wokenAtMs;
    if (agoMs >= wakeMs || agoMs < 0) this.#wake();
    else {
      this.#isDue = true;
      this.#clock.setTimer(wakeMs - agoMs, () => this.#wake());
    }
  }

  #wake(): void {
    const woken = this.#next;
    this.#isDue = false;
    this.#wokenAtMs = this.#clock.nowMs();
    this.#next = Promise.withResolvers();
    woken.resolve();
  }
}
