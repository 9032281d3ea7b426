/**
 * Keeps objects of one kind in a cluster as they are wanted: for as long as this replica leads.
 *
 *   want() ──▶ wanted ┐
 *   list and watch ───┴▶ planKeeping ──one step at a time──▶ KubeObjects ──▶ settled | tried again, later
 *
 * Before a whole list was read there is nothing to compare with, and nothing is done; an error takes nothing away. Each
 * write names the version it stands on or makes what is not there, so that a leader of yesterday changes nothing.
 * What somebody else changed is told before it is set right.
 */
import type { Problem } from '../../model/problem.ts';
import { Follower, type InformOptions } from '../inform/follower.ts';
import { itemKey } from '../inform/item-identity.ts';
import { type HeldObject, ObjectStore } from '../inform/object-store.ts';
import type { KubeClient } from '../kube-client.ts';
import type { Leadership } from '../lease/leadership.ts';
import type { Collection, KubeObject, KubeObjects, Outcome } from '../objects.ts';
import { Attempts } from './attempts.ts';
import { type FoundObject, readFound } from './found-object.ts';
import { driftProblem, type Failure, unkeptProblem } from './keep-problems.ts';
import { type KeptKind, keptLabels, stamped } from './kept-kind.ts';
import { hashOf, planKeeping, replacing, type Settled, type Step } from './plan-keeping.ts';

export interface KeeperPorts {
  readonly client: Pick<KubeClient, 'get'>;
  readonly objects: KubeObjects;
  readonly leadership: Leadership;
  readonly options: InformOptions;
  /** `problems` or `others` is another. */
  changed(): void;
}

/** Between two writes, in ms: an API server has others to serve. */
const gapMs = 5;
/** How long a change of somebody else's is told, in ms. */
const driftToldMs = 600_000;
/** Most of them that are told. */
const driftsMax = 50;
/** So many failures in a row, and a person is told; fewer are everyday life. */
const failuresToTell = 3;

export class Keeper {
  readonly #kind: KeptKind;
  readonly #ports: KeeperPorts;
  readonly #store = new ObjectStore<FoundObject>();
  readonly #follower: Follower<HeldObject<FoundObject>>;
  readonly #attempts: Attempts;
  readonly #endListening: () => void;
  /** What did not change stays the very same value, and need not be looked at. */
  readonly #stamped = new WeakMap<KubeObject, KubeObject>();
  readonly #settled = new Map<string, Settled>();
  readonly #failures = new Map<string, Failure>();
  readonly #drifts = new Map<string, { readonly problem: Problem; readonly untilMs: number }>();
  #wanted: ReadonlyMap<string, KubeObject> | undefined;
  #term: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isWorking = false;
  #isClosed = false;

  constructor(kind: KeptKind, ports: KeeperPorts) {
    this.#kind = kind;
    this.#ports = ports;
    this.#attempts = new Attempts(ports.options.timings);
    const place = { ...kind.place, isOptional: false, ...(kind.seesOthers ? {} : { labels: keptLabels(kind) }) };
    const read = (raw: unknown) => {
      const found = readFound(kind, raw);
      return found && { key: found.key, resourceVersion: found.resourceVersion, object: found };
    };
    this.#follower = new Follower({ place, read }, this.#store, ports.client, ports.options, () => {
      ports.changed();
      this.#lookSoon(0);
    });
    this.#endListening = ports.leadership.onChange(() => this.#lookSoon(0));
  }

  /** @param objects all that there shall be; until it is called, nothing is changed. */
  want(objects: readonly KubeObject[]): void {
    const named = objects.map((object) => {
      const own = this.#stamped.get(object) ?? stamped(this.#kind, object);
      this.#stamped.set(object, own);
      return own;
    });
    this.#wanted = new Map(named.map((object) => [keyOf(object), object]));
    this.#lookSoon(0);
  }

  /** What others keep there, if the kind is one where that matters. */
  others(): readonly FoundObject[] {
    return this.#store.objects().filter(({ isOurs }) => !isOurs);
  }

  problems(): readonly Problem[] {
    const nowMs = this.#ports.options.nowMs();
    const drifts = [...this.#drifts.values()].filter(({ untilMs }) => nowMs < untilMs).map(({ problem }) => problem);
    const [first, ...others] = [...this.#failures.values()].filter(({ count }) => count >= failuresToTell);
    const unkept = first === undefined ? [] : [unkeptProblem(this.#kind, [first, ...others])];
    return [...this.#follower.problems(), ...unkept, ...drifts];
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#endListening();
    this.#follower.close();
  }

  #lookSoon(afterMs: number): void {
    if (this.#isClosed || this.#isWorking) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), Math.ceil(afterMs));
  }

  /** Works until nothing is left to do now. */
  async #look(): Promise<void> {
    this.#isWorking = true;
    let waitMs: number | undefined = 0;
    while (waitMs === 0 && !this.#isClosed) waitMs = await this.#round();
    this.#isWorking = false;
    if (waitMs !== undefined) this.#lookSoon(waitMs);
  }

  /** @returns ms until there may be something to do; 0 where something was done, and nothing where nothing is known to come. */
  async #round(): Promise<number | undefined> {
    const { leadership, options } = this.#ports;
    const term = leadership.term();
    if (term !== this.#term) this.#forget(term);
    const wanted = this.#wanted;
    if (term === undefined || wanted === undefined || !this.#follower.isSynced()) return undefined;
    const found = new Map(this.#store.objects().map((object) => [object.key, object]));
    const nowMs = options.nowMs();
    const [revision, isTroubled] = [this.#follower.revision(), this.#follower.problems().length > 0];
    const plan = planKeeping({ wanted, found, settled: this.#settled, revision, isTroubled, nowMs });
    this.#prune(wanted, found);
    const due = plan.filter((step) => this.#attempts.dueMs(step.key, wishOf(step)) <= nowMs);
    for (const step of due) {
      // What was planned may have become false meanwhile; then it is planned anew.
      const isStill = this.#wanted === wanted && this.#store.get(step.key) === found.get(step.key);
      if (this.#isClosed || leadership.term() !== term || !isStill) return 0;
      await this.#carryOut(step);
      await new Promise((resolve) => setTimeout(resolve, gapMs));
    }
    if (due.length > 0) return 0;
    const next = Math.min(...plan.map((step) => this.#attempts.dueMs(step.key, wishOf(step))));
    return plan.length === 0 ? undefined : Math.max(1, next - nowMs);
  }

  async #carryOut(step: Step): Promise<void> {
    const { options, changed } = this.#ports;
    this.#tellDrift(step);
    const outcome = await this.#ask(step);
    const retryAfterMs = outcome.kind === 'unanswered' ? outcome.retryAfterMs : undefined;
    this.#attempts.tried(step.key, wishOf(step), options.nowMs(), options.random(), retryAfterMs);
    const before = this.#failures.get(step.key);
    if (outcome.kind === 'refused' || outcome.kind === 'unanswered') {
      const { message } = outcome;
      const object = step.kind === 'remove' ? undefined : step.object;
      this.#failures.set(step.key, { object, key: step.key, count: (before?.count ?? 0) + 1, message });
    } else if (outcome.kind === 'done') {
      this.#failures.delete(step.key);
      const made = step.kind === 'remove' ? undefined : readFound(this.#kind, outcome.object);
      if (made === undefined || step.kind === 'remove') this.#settled.delete(step.key);
      else this.#settle(step, made);
      if (step.kind === 'replace' && made !== undefined && isUndone(step.found, made))
        this.#tellDrift({ ...step, isDrift: true });
    }
    if (before !== undefined || this.#failures.has(step.key)) changed();
  }

  #settle({ key, object }: Exclude<Step, { kind: 'remove' }>, { hash, resourceVersion }: FoundObject): void {
    const atMs = this.#ports.options.nowMs();
    this.#settled.set(key, { wanted: hashOf(object), found: hash, resourceVersion, atMs });
  }

  async #ask(step: Step): Promise<Outcome> {
    const { objects, leadership } = this.#ports;
    const of = this.#collectionOf(step);
    switch (step.kind) {
      case 'create': {
        const outcome = await objects.create(of, step.object);
        if (outcome.kind !== 'conflict') return outcome;
        // It is there, without our labels.
        const there = await objects.read(of, step.object.metadata.name);
        const found = there.kind === 'done' ? readFound(this.#kind, there.object) : undefined;
        if (found === undefined || found.isGoing) return there.kind === 'done' ? outcome : there;
        // Its version was read just now, so it would not give away who led a moment ago.
        if (leadership.term() !== this.#term) return outcome;
        const taking = replacing(step.key, step.object, found, step.isLost ? this.#settled.get(step.key) : undefined);
        this.#tellDrift(taking);
        return this.#ask(taking);
      }
      case 'replace':
        return objects.replace(of, onVersion(step.object, step.found));
      case 'remove': {
        const { uid, resourceVersion, key } = step.found;
        return objects.remove(of, key.slice(key.indexOf('/') + 1), { uid, resourceVersion });
      }
    }
  }

  #collectionOf(step: Step): Collection {
    const { group, version, plural } = this.#kind.place;
    const [namespace, name] = step.key.split('/');
    return { group, version, plural, ...(name === undefined || namespace === undefined ? {} : { namespace }) };
  }

  #tellDrift(step: Step): void {
    const problem = driftProblem(this.#kind, step);
    if (problem === undefined) return;
    this.#drifts.delete(step.key);
    this.#drifts.set(step.key, { problem, untilMs: this.#ports.options.nowMs() + driftToldMs });
    for (const key of this.#drifts.keys()) if (this.#drifts.size > driftsMax) this.#drifts.delete(key);
    this.#ports.changed();
  }

  /** What another leader did meanwhile is not known here. */
  #forget(term: number | undefined): void {
    this.#term = term;
    this.#settled.clear();
    this.#attempts.clear();
    this.#failures.clear();
    this.#drifts.clear();
    this.#ports.changed();
  }

  #prune(wanted: ReadonlyMap<string, KubeObject>, found: ReadonlyMap<string, FoundObject>): void {
    const isKnown = { has: (key: string) => wanted.has(key) || found.has(key) };
    this.#attempts.keepOnly(isKnown);
    for (const key of this.#failures.keys()) if (!isKnown.has(key)) this.#failures.delete(key);
    for (const key of this.#settled.keys()) if (!wanted.has(key)) this.#settled.delete(key);
  }
}

/** With what others put into its metadata, on the very version that was seen. */
function onVersion(object: KubeObject, { metadata, uid, resourceVersion }: FoundObject): KubeObject {
  const labels = { ...(metadata['labels'] as KubeObject['metadata']['labels']), ...object.metadata.labels };
  return { ...object, metadata: { ...metadata, ...object.metadata, labels, uid, resourceVersion } };
}

/** Whether what was written there was a stranger's, and is another now. */
function isUndone({ strangers, hash }: FoundObject, made: FoundObject): boolean {
  return strangers.length > 0 && hash !== made.hash;
}

function wishOf(step: Step): string {
  return step.kind === 'remove' ? '' : hashOf(step.object);
}

function keyOf({ metadata }: KubeObject): string {
  return itemKey(metadata.namespace ?? '', metadata.name);
}
