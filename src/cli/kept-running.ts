/**
 * One process that runs for as long as the command does: where it ends by itself it is told, and started again.
 *
 *   running ──ends──▶ waiting, the longer the oftener it was short-lived ──▶ running ──▶ …        stop() ends either
 *
 * It knows nothing of the other processes, so that none of them ends with another. It never gives up: what keeps a
 * process from starting, such as a port that is taken, may pass, and each further try is told.
 */

/** What is kept running. */
export interface Running {
  /** How it ended, in words. Never rejects. */
  readonly end: Promise<string>;
  stop(): Promise<void>;
}

export interface KeepPorts {
  start(): Running;
  readonly clock: { nowMs(): number; setTimer(afterMs: number, then: () => void): () => void };
  /** Gets one line for a person, without its end. */
  tell(line: string): void;
}

/** Before a process is started again, in ms: at first, and at most where it ends again and again; doubled in between. */
export const againMs = 250;
export const againMsMax = 30_000;

/** A process that ran so long, in ms, was no failed start: its next end is a first one. */
export const steadyMs = 30_000;

type State =
  | { readonly kind: 'running'; readonly process: Running; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly cancel: () => void }
  | { readonly kind: 'stopped' };

export class KeptRunning {
  readonly #ports: KeepPorts;
  #state: State;
  /** Ends in a row of which each came soon after its start. */
  #shortLives = 0;

  /** @param first started already. */
  constructor(first: Running, ports: KeepPorts) {
    this.#ports = ports;
    this.#state = this.#running(first);
  }

  /** Resolves when the process has ended; it is not started again. */
  async stop(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'stopped' };
    if (state.kind === 'waiting') state.cancel();
    if (state.kind === 'running') await state.process.stop();
  }

  #running(process: Running): State {
    void process.end.then((how) => this.#ended(how));
    return { kind: 'running', process, sinceMs: this.#ports.clock.nowMs() };
  }

  #ended(how: string): void {
    if (this.#state.kind !== 'running') return;
    const { clock, start, tell } = this.#ports;
    if (clock.nowMs() - this.#state.sinceMs >= steadyMs) this.#shortLives = 0;
    const waitMs = Math.min(againMs * 2 ** this.#shortLives, againMsMax);
    this.#shortLives += 1;
    tell(`${how}; it is started again in ${waitMs / 1_000} s`);
    const cancel = clock.setTimer(waitMs, () => {
      this.#state = this.#running(start());
    });
    this.#state = { kind: 'waiting', cancel };
  }
}
