/** Timers with names, at most one of each: setting one again replaces it, and all of them end together. */
import { timerMsMax } from './limits.ts';
import type { Clock } from './ports.ts';

export class Timers<Name extends string> {
  private readonly clock: Clock;
  /** Cancels of the timers that run. */
  private readonly running = new Map<Name, () => void>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  set(name: Name, ms: number, then: () => void): void {
    this.cancel(name);
    const cancel = this.clock.setTimer(Math.min(Math.max(0, ms), timerMsMax), () => {
      this.running.delete(name);
      then();
    });
    this.running.set(name, cancel);
  }

  cancel(name: Name): void {
    this.running.get(name)?.();
    this.running.delete(name);
  }

  cancelAll(): void {
    for (const name of [...this.running.keys()]) this.cancel(name);
  }
}
