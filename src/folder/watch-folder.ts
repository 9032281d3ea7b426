/**
 * Follows a folder: an event means "look again", never "this file changed so".
 *
 *   event ─▶ look at once ─▶ advance ─▶ onChange, if anything differs
 *             └─▶ and once more `settleMs` later, because editors write twice and rename between
 *
 * Events are a courtesy: kernels lose them, new folders race with them, a folder that was removed sends none. So a look
 * comes by itself every `rescanMs` too, and the watch is set up anew whenever the folder is no longer the one watched.
 */
import { canonicalJson, contentHash } from '../model/canonical-json.ts';
import { advance, emptyFolder, type FolderContents, type FolderState } from './folder-state.ts';
import { FolderWatches } from './folder-watches.ts';
import { readFolder } from './read-folder.ts';

export interface WatchFolderOptions {
  /** How long an absence must last before it is believed, and the second look after an event comes, in ms. */
  readonly settleMs: number;
  /** Longest time between two looks, in ms: what a lost event costs. */
  readonly rescanMs: number;
  /** A clock that does not go back, in ms. */
  readonly nowMs: () => number;
}

export const watchFolderDefaults: WatchFolderOptions = {
  // Above what editors take between truncating and writing, below what a withdrawal may cost (1 s).
  settleMs: 100,
  rescanMs: 5_000,
  nowMs: () => performance.now(),
};

/** Shortest time between two looks, in ms, however many events come: a look reads every file. */
const lookGapMs = 20;
/** Longest time between two looks at a folder that cannot be watched, in ms. */
const unwatchedRescanMs = 250;

/** One look, for those who do not follow: what is wrong is told, what is absent is absent. */
export async function loadFolder(dir: string): Promise<FolderContents> {
  return advance(emptyFolder, await readFolder(dir), 0, 0);
}

/**
 * @param onChange called after the first look, and after each that differs from the one before; in order, one at a time.
 * @returns when `signal` is aborted.
 */
export async function watchFolder(
  dir: string,
  options: WatchFolderOptions,
  onChange: (contents: FolderContents) => void,
  signal: AbortSignal,
): Promise<void> {
  const bell = new Bell(signal);
  const watches = new FolderWatches(dir, () => bell.ring());
  let state: FolderState = emptyFolder;
  let told: string | undefined;
  let settledAtMs = 0;
  try {
    while (!signal.aborted) {
      const isWatched = await watches.renew();
      if (bell.takeRung()) settledAtMs = options.nowMs() + options.settleMs;
      state = advance(state, await readFolder(dir), options.nowMs(), options.settleMs);
      const fingerprint = fingerprintOf(state);
      if (fingerprint !== told && !signal.aborted) {
        told = fingerprint;
        onChange({ objects: state.objects, problems: state.problems });
      }
      const waitMs = nextLookMs(state, options, isWatched, settledAtMs);
      await bell.wait(waitMs);
    }
  } finally {
    watches.close();
  }
}

function nextLookMs(state: FolderState, options: WatchFolderOptions, isWatched: boolean, settledAtMs: number): number {
  const nowMs = options.nowMs();
  const rescanMs = isWatched ? options.rescanMs : Math.min(unwatchedRescanMs, options.rescanMs);
  const settleInMs = settledAtMs > nowMs ? settledAtMs - nowMs : rescanMs;
  const believeInMs = state.lookAgainAtMs === undefined ? rescanMs : state.lookAgainAtMs - nowMs;
  return Math.max(lookGapMs, Math.min(rescanMs, settleInMs, believeInMs));
}

function fingerprintOf({ objects, problems }: FolderContents): string {
  return contentHash(canonicalJson([objects.map(({ id, hash, where }) => [id, hash, where]), problems]));
}

/** Rung by events, waited for by the loop; a ring while nobody waits is kept. */
class Bell {
  readonly #signal: AbortSignal;
  #rung = false;
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  takeRung(): boolean {
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }

  /** Until the bell rings, but at least `lookGapMs`; or until the time is over, or the signal is aborted. */
  async wait(timeoutMs: number): Promise<void> {
    await this.#sleep(lookGapMs, false);
    await this.#sleep(timeoutMs - lookGapMs, true);
  }

  #sleep(timeoutMs: number, endsByRing: boolean): Promise<void> {
    if (this.#signal.aborted || timeoutMs <= 0 || (endsByRing && this.#rung)) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      this.#wake = () => {
        if (endsByRing || this.#signal.aborted) end();
      };
    });
  }
}
