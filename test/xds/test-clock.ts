/** A clock that moves when told to: timers fire in order of time, from `advance`. */
import type { Clock } from '../../src/xds/ports.ts';

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
    for (;;) {
      const [next] = [...this.pending].filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.pending.delete(next);
      this.now = next.atMs;
      next.then();
    }
    this.now = until;
  }

  /** Timers that would still fire. */
  get armed(): number {
    return this.pending.size;
  }
}
