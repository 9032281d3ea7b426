/** That something more was kept, for those who wait for it: no list of them grows, and nobody waits longer than it said. */
import type { EvidenceClock } from './recorder-ports.ts';

export class KeptSignal {
  readonly #clock: Pick<EvidenceClock, 'setTimer'>;
  #next = Promise.withResolvers<void>();

  constructor(clock: Pick<EvidenceClock, 'setTimer'>) {
    this.#clock = clock;
  }

  tell(): void {
    const told = this.#next;
    this.#next = Promise.withResolvers();
    told.resolve();
  }

  /** Resolves with the next word, or after so many ms. */
  wait(ms: number): Promise<void> {
    const { promise } = this.#next;
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(ms, resolve);
      void promise.then(() => {
        cancel();
        resolve();
      });
    });
  }
}
