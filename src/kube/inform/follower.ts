/**
 * Follows the objects of one place in a cluster: carries out what its machine asks for, and has a store hold what it says.
 *
 *   machine ──request──▶ API server ──answers──▶ machine ──changes──▶ store ──▶ changed()
 *
 * One request at a time; what still comes of one that was given up is not heard. Answers are taken as they are read, so
 * a flood waits in the connection and not here.
 */
import type { Problem } from '../../model/problem.ts';
import type { KubeClient } from '../kube-client.ts';
import type { Answer, Change, Item, Request } from './answer.ts';
import { ask, type Followed } from './ask.ts';
import { failureProblem } from './failure.ts';
import { advance, type ListWatch, type Moment, type Step, startListWatch, troubleOf, wakeAtMs } from './list-watch.ts';
import type { InformTimings } from './timings.ts';

export interface InformOptions {
  readonly timings: InformTimings;
  /** A clock that does not go back, in ms. */
  readonly nowMs: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** What holds the objects. */
export interface ItemStore<T extends Item> {
  readonly size: number;
  versionOf(key: string): string | undefined;
  /** @returns whether anything that is held is another than before. */
  apply(change: Change<T>): boolean;
}

export class Follower<T extends Item> {
  readonly #followed: Followed<T>;
  readonly #store: ItemStore<T>;
  readonly #client: Pick<KubeClient, 'get'>;
  readonly #options: InformOptions;
  readonly #changed: () => void;
  #state: ListWatch<T>;
  #asked = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** @param changed called after anything that the methods tell, or the store holds, has changed. */
  constructor(
    followed: Followed<T>,
    store: ItemStore<T>,
    client: Pick<KubeClient, 'get'>,
    options: InformOptions,
    changed: () => void,
  ) {
    this.#followed = followed;
    this.#store = store;
    this.#client = client;
    this.#options = options;
    this.#changed = changed;
    const first = startListWatch<T>(followed.place.isOptional, this.#moment());
    this.#state = first.state;
    this.#follow(first);
  }

  /** Whether the objects were whole once. */
  isSynced(): boolean {
    return this.#state.isSynced;
  }

  /** Newest revision of the cluster that was heard of: what was written up to it is in the store. */
  revision(): string | undefined {
    return this.#state.resourceVersion;
  }

  /** Why they cannot be read; none while all is well. */
  problems(): readonly Problem[] {
    const trouble = troubleOf(this.#state);
    return trouble === undefined ? [] : [failureProblem(this.#followed.place, trouble, this.#state.isSynced)];
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asked.abort();
  }

  #moment(): Moment {
    const { timings, nowMs, random } = this.#options;
    return { nowMs: nowMs(), random: random(), timings, held: this.#store };
  }

  #take(input: Answer<T> | { readonly kind: 'time' }): void {
    const before = this.#state;
    const step = advance(before, input, this.#moment());
    this.#state = step.state;
    const isChanged = step.changes.map((change) => this.#store.apply(change)).includes(true);
    const isNews = before.isSynced !== step.state.isSynced || troubleOf(before)?.text !== troubleOf(step.state)?.text;
    this.#follow(step);
    if (isChanged || isNews) this.#changed();
  }

  #follow({ state, request }: Step<T>): void {
    if (request !== undefined) {
      this.#asked.abort();
      this.#asked = new AbortController();
      if (request.kind !== 'cancel') void this.#carryOut(request, this.#asked.signal);
    }
    clearTimeout(this.#timer);
    const { timings, nowMs } = this.#options;
    const waitMs = Math.max(0, wakeAtMs(state, timings) - nowMs());
    this.#timer = setTimeout(() => this.#take({ kind: 'time' }), Math.ceil(waitMs));
  }

  async #carryOut(request: Request, signal: AbortSignal): Promise<void> {
    for await (const answer of ask(this.#client, this.#followed, request, signal)) {
      if (signal.aborted) return;
      this.#take(answer);
    }
  }
}
