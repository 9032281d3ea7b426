/**
 * Follows one kind of a cluster: carries out what its machine asks for, and holds what it says.
 *
 *   machine ──request──▶ API server ──answers──▶ machine ──changes──▶ store ──▶ changed()
 *
 * One request at a time; what still comes of one that was given up is not heard. Answers are taken as they are read, so
 * a flood waits in the connection and not here.
 */
import type { Problem } from '../../model/problem.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import type { KubeClient } from '../kube-client.ts';
import type { Answer, Request } from './answer.ts';
import { ask } from './ask.ts';
import type { ClusterItem } from './cluster-item.ts';
import { failureProblem } from './failure.ts';
import { KindStore } from './kind-store.ts';
import { advance, type ListWatch, type Moment, type Step, startListWatch, troubleOf, wakeAtMs } from './list-watch.ts';
import type { Resource } from './resource.ts';
import type { InformTimings } from './timings.ts';

export interface InformOptions {
  readonly timings: InformTimings;
  /** A clock that does not go back, in ms. */
  readonly nowMs: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export class KindFollower {
  readonly #resource: Resource;
  readonly #client: KubeClient;
  readonly #options: InformOptions;
  readonly #changed: () => void;
  readonly #store = new KindStore();
  #state: ListWatch<ClusterItem>;
  #asked = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** @param changed called after anything that the methods tell has changed. */
  constructor(resource: Resource, client: KubeClient, options: InformOptions, changed: () => void) {
    this.#resource = resource;
    this.#client = client;
    this.#options = options;
    this.#changed = changed;
    const first = startListWatch<ClusterItem>(resource.isOptional, this.#moment());
    this.#state = first.state;
    this.#follow(first);
  }

  isSynced(): boolean {
    return this.#state.isSynced;
  }

  objects(): readonly SourcedObject[] {
    return this.#store.objects();
  }

  problems(): readonly Problem[] {
    const trouble = troubleOf(this.#state);
    const own = trouble === undefined ? [] : [failureProblem(this.#resource, trouble, this.#state.isSynced)];
    return [...own, ...this.#store.problems()];
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asked.abort();
  }

  #moment(): Moment {
    const { timings, nowMs, random } = this.#options;
    return { nowMs: nowMs(), random: random(), timings, held: this.#store };
  }

  #take(input: Answer<ClusterItem> | { readonly kind: 'time' }): void {
    const before = this.#state;
    const step = advance(before, input, this.#moment());
    this.#state = step.state;
    const isChanged = step.changes.map((change) => this.#store.apply(change)).includes(true);
    const isNews = before.isSynced !== step.state.isSynced || troubleOf(before)?.text !== troubleOf(step.state)?.text;
    this.#follow(step);
    if (isChanged || isNews) this.#changed();
  }

  #follow({ state, request }: Step<ClusterItem>): void {
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
    for await (const answer of ask(this.#client, this.#resource, request, signal)) {
      if (signal.aborted) return;
      this.#take(answer);
    }
  }
}
