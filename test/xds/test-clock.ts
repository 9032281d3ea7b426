/**
 * A clock that moves when told to: timers fire in order of time, from `advance`. Timers that set themselves again without
 * end for a time that has come throw, since a real clock would let them take a whole core.
 */
import type { Clock } from '../../src/xds/ports.ts';

/** Most timers at one instant: far more than a test sets. */
const atOnceMax = 10_000;

interface Pending {
  readonly atMs: number;
  readonly then: () => void;
}

export class TestClock implements Clock {
  private now = 1_800_000_000_000;
  private readonly pending = new Set<Pending>();

  nowMs(): number {
    return this.now;
  }

  setTimer(ms: number, then: () => void): () => void {
    const timer: Pending = { atMs: this.now + ms, then };
    this.pending.add(timer);
    return () => this.pending.delete(timer);
  }

  advance(ms: number): void {
    const until = this.now + ms;
    let atOnce = 0;
    for (;;) {
      const [next] = [...this.pending].filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.pending.delete(next);
      atOnce = next.atMs > this.now ? 0 : atOnce + 1;
      if (atOnce > atOnceMax)
        throw new Error(`more than ${atOnceMax} timers fired at ${next.atMs}: one sets itself again`);
      this.now = Math.max(this.now, next.atMs);
      next.then();
    }
    this.now = until;
  }

  /** Timers that would still fire. */
  get armed(): number {
    return this.pending.size;
  }
}
