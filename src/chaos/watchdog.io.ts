/**
 * The dead man's switch on our side: whoever holds it must renew it, and nothing else keeps it from acting.
 *
 * The TTL in each proxy ends a fault when the control plane is gone. This ends it when the control plane is there, sends
 * its heartbeats, and the part of it that decides stands still: one timer, which waits for no promise of anybody.
 */
import type { DrillClock } from './ports.ts';

export class Watchdog {
  readonly #clock: DrillClock;
  readonly #afterMs: number;
  readonly #act: () => void;
  #cancel: (() => void) | undefined;

  /** @param act must not wait for anything. */
  constructor(clock: DrillClock, afterMs: number, act: () => void) {
    this.#clock = clock;
    this.#afterMs = afterMs;
    this.#act = act;
  }

  renew(): void {
    this.rest();
    this.#cancel = this.#clock.setTimer(this.#afterMs, () => {
      this.#cancel = undefined;
      this.#act();
    });
  }

  /** Arms it where it is at rest, and leaves it alone otherwise. */
  arm(): void {
    if (this.#cancel === undefined) this.renew();
  }

  rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
