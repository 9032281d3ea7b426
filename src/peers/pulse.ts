/**
 * Whether the other side of a stream lives: each tells a sign of life in between, and who says nothing is gone.
 *
 *   start ──▶ beat … beat … (heard, heard, …) ──silence──▶ gone, once
 */
import { aliveMs, silenceMs } from './limits.ts';

export interface PeerClock {
  /** @returns cancels the timer; may be called twice. */
  setTimer(afterMs: number, run: () => void): () => void;
}

export class Pulse {
  readonly #clock: PeerClock;
  readonly #beat: () => void;
  readonly #gone: () => void;
  #cancelBeat: () => void = () => undefined;
  #cancelSilence: () => void = () => undefined;
  #stopped = false;

  /** @param beat sends a sign of life. @param gone must not wait for anything. */
  constructor(clock: PeerClock, beat: () => void, gone: () => void) {
    this.#clock = clock;
    this.#beat = beat;
    this.#gone = gone;
    this.heard();
    this.#schedule();
  }

  heard(): void {
    if (this.#stopped) return;
    this.#cancelSilence();
    this.#cancelSilence = this.#clock.setTimer(silenceMs, () => {
      this.stop();
      this.#gone();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelBeat();
    this.#cancelSilence();
  }

  #schedule(): void {
    this.#cancelBeat = this.#clock.setTimer(aliveMs, () => {
      this.#schedule();
      this.#beat();
    });
  }
}
