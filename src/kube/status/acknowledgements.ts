/**
 * How far the proxies of one replica have come with each object: who has acknowledged this generation of it.
 *
 *   object at a content ──first published in look s──┐
 *   proxy ──held all of what was published in look p ┴──▶ acknowledged, where p >= s
 *
 * Versions on the wire cannot say it: a delta stream that comes back is sent nothing and names no version, and the revision
 * of a configuration is that of the last change of that proxy, in the history of that replica. So the replica that serves a
 * stream judges it, by content, and tells the leader counts: two replicas that have seen other histories still add up.
 *
 * A proxy that held everything after a content was published has acknowledged it, whatever it is told afterwards. One that
 * holds something back, refuses, or waits behind a canary stays where it was. One that has just come is told the newest at
 * once and runs on nothing older: it counts from its first whole answer, or when it should have given one.
 */
import type { Snapshot } from '../../model/snapshot.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import { concernedIn } from './concerned.ts';
import { concernsProxies } from './wish.ts';

/** What is being served: a snapshot, and the objects that it was built of. */
export interface Published {
  readonly snapshot: Snapshot;
  readonly objects: readonly SourcedObject[];
}

/** One proxy, or one authorization worker, with an open stream. */
export interface ConnectedProxy {
  readonly kind: 'sidecar' | 'worker';
  /** Of a sidecar its workload key; unique. */
  readonly name: string;
  /** Epoch ms. */
  readonly openedAtMs: number;
  /** It was given all that follows from what is published, and has accepted it. */
  readonly isWhole: boolean;
}

/** How many proxies of one replica an object concerns, and how many of them have acknowledged this content of it. */
export interface Tally {
  /** `kind/namespace/name`. */
  readonly id: string;
  /** Of the object's content: counts of another content say nothing of this one. */
  readonly hash: string;
  readonly sidecars: Count;
  readonly workers: Count;
}

export interface Count {
  readonly acknowledged: number;
  readonly concerned: number;
}

/** How long a proxy that has just come may take for its first whole answer, in ms: four types behind each other, each given up after 2 s, and some. */
export const newcomerMs = 10_000;

interface Since {
  readonly hash: string;
  readonly look: number;
}

export class Acknowledgements {
  #published: Snapshot | undefined;
  /** Of whom the newest tallies are, and how they stood. */
  #counted = '';
  #tallies: ReadonlyMap<string, Tally> = new Map();
  #look = 0;
  #since: ReadonlyMap<string, Since> = new Map();
  /** By proxy: the newest look of which it held everything. */
  #whole: ReadonlyMap<string, number> = new Map();

  /** @returns by id, of every object that may concern a proxy at all; the very same map where nothing has moved. */
  tallies(
    { snapshot, objects }: Published,
    proxies: readonly ConnectedProxy[],
    nowMs: number,
  ): ReadonlyMap<string, Tally> {
    const isNew = snapshot !== this.#published;
    if (isNew) this.#look += 1;
    this.#published = snapshot;
    this.#whole = new Map(
      proxies.flatMap(({ name, isWhole }) => {
        const look = isWhole ? this.#look : this.#whole.get(name);
        return look === undefined ? [] : [[name, look] as const];
      }),
    );
    const counted = proxies.filter(({ name, openedAtMs }) => this.#whole.has(name) || nowMs - openedAtMs >= newcomerMs);
    const standing = counted.map(({ name }) => `${name} ${this.#whole.get(name)}`).join();
    if (!isNew && standing === this.#counted) return this.#tallies;
    this.#counted = standing;
    const spoken = objects.filter(({ ref }) => concernsProxies(ref));
    this.#since = new Map(
      spoken.map(({ id, hash }) => {
        const before = this.#since.get(id);
        return [id, before?.hash === hash ? before : { hash, look: this.#look }];
      }),
    );
    const workers = counted.flatMap(({ kind, name }) => (kind === 'worker' ? name : []));
    const sidecars = counted.flatMap(({ name }) => snapshot.workloads.get(name) ?? []);
    const concerned = concernedIn(snapshot, sidecars);
    this.#tallies = new Map(
      spoken.map(({ id, hash, ref }) => {
        const { workloads, workers: concernsWorkers } = concerned(ref);
        const names = workloads.map(({ key }) => key);
        return [
          id,
          { id, hash, sidecars: this.#count(id, names), workers: this.#count(id, concernsWorkers ? workers : []) },
        ];
      }),
    );
    return this.#tallies;
  }

  #count(id: string, names: readonly string[]): Count {
    const since = this.#since.get(id)?.look ?? Infinity;
    let acknowledged = 0;
    for (const name of names) if ((this.#whole.get(name) ?? -1) >= since) acknowledged += 1;
    return { acknowledged, concerned: names.length };
  }
}

/** Of all replicas. What one of them counted of another content is of proxies that have not acknowledged this one. */
export function sumOf(hash: string, tallies: readonly Tally[]): Pick<Tally, 'sidecars' | 'workers'> {
  const sum = (of: 'sidecars' | 'workers') => ({
    acknowledged: total(tallies.map((tally) => (tally.hash === hash ? tally[of].acknowledged : 0))),
    concerned: total(tallies.map((tally) => tally[of].concerned)),
  });
  return { sidecars: sum('sidecars'), workers: sum('workers') };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
