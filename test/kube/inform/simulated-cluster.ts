/**
 * A cluster of one kind, with its history, and a list and watch that follows it under a clock of the test: each call lets
 * one thing happen, an honest answer or a fault.
 */
import type { Answer, Change, Item, Request } from '../../../src/kube/inform/answer.ts';
import type { Failure } from '../../../src/kube/inform/failure.ts';
import {
  advance,
  type ListWatch,
  type Moment,
  type Step,
  startListWatch,
} from '../../../src/kube/inform/list-watch.ts';
import { informTimings } from '../../../src/kube/inform/timings.ts';

interface Past {
  readonly revision: number;
  readonly key: string;
  readonly isThere: boolean;
}

/** Small, so that a few objects make several pages. */
const pageSize = 2;

export class SimulatedCluster {
  #history: Past[] = [];
  #revision = 100;
  #compactedTo = 0;
  #state: ListWatch<Item>;
  #asked: Request | undefined;
  /** Revision up to which the watch that stands has told. */
  #told = 0;
  /** Events that the watch told already, the newest last. */
  #saidEvents: Answer<Item>[] = [];
  /** Whether the last answer was an empty list. */
  #saidNothing = false;
  readonly held = new Map<string, string>();
  nowMs = 0;
  /** Everything that was asked, by kind. */
  readonly requests: string[] = [];

  constructor() {
    const first = startListWatch<Item>(false, this.#moment());
    this.#state = first.state;
    this.#follow(first);
  }

  get phase(): string {
    return this.#state.phase.kind;
  }

  get failures(): number {
    return this.#state.failures;
  }

  write(key: string): void {
    this.#revision += 1;
    this.#history.push({ revision: this.#revision, key, isThere: true });
  }

  delete(key: string): void {
    if (!this.objects().has(key)) return;
    this.#revision += 1;
    this.#history.push({ revision: this.#revision, key, isThere: false });
  }

  /** What a fresh list would say: each object and its version. */
  objects(revision = this.#revision): Map<string, string> {
    const objects = new Map<string, string>();
    for (const past of this.#history.filter((each) => each.revision <= revision)) {
      if (past.isThere) objects.set(past.key, String(past.revision));
      else objects.delete(past.key);
    }
    return objects;
  }

  compact(): void {
    this.#compactedTo = this.#revision;
  }

  /** Back to an older copy: what was written since never happened, and every connection is gone. */
  restore(steps: number): void {
    this.#revision = Math.max(100, this.#revision - steps);
    this.#history = this.#history.filter(({ revision }) => revision <= this.#revision);
    this.#compactedTo = Math.min(this.#compactedTo, this.#revision);
    this.fail({ kind: 'unanswered', text: 'the connection was cut' });
  }

  /** One honest answer, or the time that is waited for. */
  answer(): void {
    const asked = this.#asked;
    if (asked === undefined) this.passTime(500);
    else if (asked.kind === 'probe') this.#take(this.#page(this.#revision, 0, 1));
    else if (asked.kind === 'list') this.#take(this.#pageAsked(asked));
    else this.#answerWatch(Number(asked.resourceVersion));
  }

  fail(failure: Failure): void {
    if (this.#asked !== undefined) this.#take({ kind: 'failed', failure });
  }

  end(): void {
    if (this.#asked?.kind === 'watch') this.#take({ kind: 'ended' });
  }

  /** A list that says there is nothing, and then one that is honest: the same lie twice is the loss guard's affair. */
  sayNothingIsThere(): void {
    if (this.#asked?.kind !== 'list' || this.#asked.continueToken !== undefined || this.#saidNothing) return;
    this.#take({ kind: 'page', items: [], resourceVersion: String(this.#revision) });
    this.answer();
  }

  /** A list out of somebody's cache. */
  answerFromThePast(steps: number): void {
    if (this.#asked?.kind !== 'list') return;
    this.#take(this.#page(Math.max(100, this.#revision - steps), 0, Number.POSITIVE_INFINITY));
    this.answer();
  }

  /** An event that the watch told before. */
  repeat(index: number): void {
    const event = this.#saidEvents.at(-1 - (index % 4));
    if (this.#asked?.kind === 'watch' && event !== undefined) this.#take(event);
  }

  /** The next two events, the later first. */
  swap(): void {
    if (this.#asked?.kind !== 'watch') return;
    const [first, second] = this.#untold();
    if (first === undefined || second === undefined) return;
    this.#told = second.revision;
    this.#take(eventOf(second));
    // The machine may have given the stream up by now, and then nobody hears the rest.
    if (this.#asked?.kind === 'watch') this.#take(eventOf(first));
  }

  passTime(byMs: number): void {
    this.nowMs += byMs;
    this.#advance({ kind: 'time' });
  }

  #untold(): Past[] {
    return this.#history.filter(({ revision }) => revision > this.#told);
  }

  #answerWatch(from: number): void {
    const [next] = this.#untold();
    if (from < this.#compactedTo && this.#told === from) this.fail({ kind: 'expired', text: 'too old' });
    else if (next === undefined) this.#take({ kind: 'bookmark', resourceVersion: String(this.#told) });
    else {
      this.#told = next.revision;
      const event = eventOf(next);
      this.#saidEvents.push(event);
      this.#take(event);
    }
  }

  #pageAsked({ continueToken }: Extract<Request, { kind: 'list' }>): Answer<Item> {
    const [revision = this.#revision, start = 0] = (continueToken ?? '').split('/').filter(Boolean).map(Number);
    if (continueToken !== undefined && (revision < this.#compactedTo || revision > this.#revision)) {
      return { kind: 'failed', failure: { kind: 'expired', text: 'the continue token is too old' } };
    }
    return this.#page(revision, start, pageSize);
  }

  #page(revision: number, start: number, size: number): Answer<Item> {
    const all = [...this.objects(revision)].sort(([a], [b]) => (a < b ? -1 : 1));
    const items = all.slice(start, start + size).map(([key, resourceVersion]) => ({ key, resourceVersion }));
    const more = start + size < all.length ? { continueToken: `${revision}/${start + size}` } : {};
    return { kind: 'page', items, resourceVersion: String(revision), ...more };
  }

  #take(answer: Answer<Item>): void {
    this.#saidNothing = answer.kind === 'page' && answer.items.length === 0;
    this.#advance(answer);
  }

  #advance(input: Answer<Item> | { readonly kind: 'time' }): void {
    const step = advance(this.#state, input, this.#moment());
    this.#state = step.state;
    for (const change of step.changes) this.#apply(change);
    this.#follow(step);
  }

  #follow({ request }: Step<Item>): void {
    if (request === undefined) return;
    this.#asked = request.kind === 'cancel' ? undefined : request;
    this.#told = request.kind === 'watch' ? Number(request.resourceVersion) : 0;
    this.#saidEvents = [];
    this.requests.push(request.kind);
  }

  #apply(change: Change<Item>): void {
    if (change.kind === 'remove') this.held.delete(change.key);
    else {
      if (change.kind === 'replace') this.held.clear();
      const items = change.kind === 'replace' ? change.items : [change.item];
      for (const { key, resourceVersion } of items) this.held.set(key, resourceVersion);
    }
  }

  #moment(): Moment {
    const { held, nowMs } = this;
    return {
      nowMs,
      random: 0.5,
      timings: informTimings,
      held: { size: held.size, versionOf: (key) => held.get(key) },
    };
  }
}

function eventOf({ key, revision, isThere }: Past): Answer<Item> {
  return { kind: isThere ? 'put' : 'gone', item: { key, resourceVersion: String(revision) } };
}
