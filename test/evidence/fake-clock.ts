/** A clock that stands until it is told to move. */
import type { EvidenceClock } from '../../src/evidence/recorder/recorder-ports.ts';

interface Timer {
  readonly atMs: number;
  readonly then: () => void;
}

export class FakeClock implements EvidenceClock {
  #nowMs = 1_800_000_000_000;
  readonly #timers = new Set<Timer>();

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  setTimer(afterMs: number, then: () => void): () => void {
    const timer = { atMs: this.#nowMs + afterMs, then };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Runs what is due until then, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((one, two) => one.atMs - two.atMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.then();
    }
    this.#nowMs = untilMs;
  }
}
