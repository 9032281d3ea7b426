/**
 * Looks at proxies until each has been seen as it should be: so many at a time, and each anew after a pause that grows.
 *
 *   want(proxy) ──▶ queue ──▶ look ──settled──▶ forgotten
 *                     ▲         └──again──▶ pause, 100 ms to 1 s
 *                     └── hurry(proxy): something was heard of it
 */
import type { DrillClock } from './ports.ts';

/** Proxies that are looked at at once; each look is a connection. */
const looksAtOnceMax = 64;

/** First and longest pause between two looks at one proxy, in ms. */
const pauseMinMs = 100;
const pauseMaxMs = 1_000;

/** Longest that one look may take, in ms. */
const lookMs = 2_000;

export type Seen = 'settled' | 'again';

interface Wanted {
  state: 'queued' | 'looking' | 'paused';
  pauseMs: number;
  /** Something was heard while it was being looked at: what is seen may be older. */
  stale: boolean;
  cancelPause: () => void;
}

export class Sights {
  readonly #clock: DrillClock;
  readonly #look: (proxy: string, signal: AbortSignal) => Promise<Seen>;
  readonly #wanted = new Map<string, Wanted>();
  readonly #queue: string[] = [];
  readonly #stopped = new AbortController();
  #looking = 0;

  /** @param look one look, which ends when its signal fires, after `lookMs`; a rejection means `again`. */
  constructor(clock: DrillClock, look: (proxy: string, signal: AbortSignal) => Promise<Seen>) {
    this.#clock = clock;
    this.#look = look;
  }

  want(proxies: readonly string[]): void {
    for (const proxy of proxies) {
      const known = this.#wanted.get(proxy);
      if (known !== undefined) {
        known.pauseMs = pauseMinMs;
        this.hurry(proxy);
        continue;
      }
      this.#wanted.set(proxy, { state: 'queued', pauseMs: pauseMinMs, stale: false, cancelPause: () => undefined });
      this.#queue.push(proxy);
    }
    this.#work();
  }

  /** Looks at once, if it is wanted at all. */
  hurry(proxy: string): void {
    const wanted = this.#wanted.get(proxy);
    if (wanted?.state === 'looking') wanted.stale = true;
    if (wanted?.state !== 'paused') return;
    wanted.cancelPause();
    wanted.state = 'queued';
    this.#queue.push(proxy);
    this.#work();
  }

  stop(): void {
    this.#stopped.abort();
    for (const { cancelPause } of this.#wanted.values()) cancelPause();
    this.#wanted.clear();
    this.#queue.length = 0;
  }

  #work(): void {
    while (this.#looking < looksAtOnceMax) {
      const proxy = this.#queue.shift();
      if (proxy === undefined) return;
      const wanted = this.#wanted.get(proxy);
      if (wanted === undefined) continue;
      wanted.state = 'looking';
      wanted.stale = false;
      this.#looking += 1;
      void this.#once(proxy).then((seen) => {
        this.#looking -= 1;
        this.#saw(proxy, wanted, seen);
        this.#work();
      });
    }
  }

  async #once(proxy: string): Promise<Seen> {
    const cut = new AbortController();
    const cancel = this.#clock.setTimer(lookMs, () => cut.abort());
    try {
      return await this.#look(proxy, cut.signal);
    } catch {
      return 'again';
    } finally {
      cancel();
      cut.abort();
    }
  }

  #saw(proxy: string, wanted: Wanted, seen: Seen): void {
    if (this.#stopped.signal.aborted) return;
    if (seen === 'settled' && !wanted.stale) {
      this.#wanted.delete(proxy);
      return;
    }
    if (wanted.stale) {
      wanted.state = 'queued';
      this.#queue.push(proxy);
      return;
    }
    wanted.state = 'paused';
    wanted.cancelPause = this.#clock.setTimer(wanted.pauseMs, () => this.hurry(proxy));
    wanted.pauseMs = Math.min(wanted.pauseMs * 2, pauseMaxMs);
  }
}
