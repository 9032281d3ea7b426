/** Random delays between messages, drawn from the run's printed seed and the name of the case: a failure can be repeated. */
import { setTimeout as sleep } from 'node:timers/promises';
import { longForm } from './settings.ts';

/** Longest delay before a message, in ms: in the long form as long as a busy network, otherwise about a turn of the event loop. */
const delayMsMax = longForm ? 20 : 1;

export class Pace {
  #state: number;

  constructor(seed: number, name: string) {
    this.#state = [...name].reduce((hash, letter) => Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0), seed) | 0;
  }

  async delay(): Promise<void> {
    const ms = Math.floor(this.#draw() * (delayMsMax + 1));
    if (ms > 0) await sleep(ms);
  }

  /** Mulberry32: 0 (included) to 1 (excluded). */
  #draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
