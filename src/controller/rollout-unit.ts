/**
 * What of a proxy's new configuration may wait for a canary, in pieces that go whole or not at all.
 *
 *   base (last good) + wanted ──unitsOf──▶ units      compose(base, wanted, held units) ──▶ what the proxy is given
 *
 * A unit is a set of changed resources that refer to each other: one service's listener, route and cluster, and what an
 * HTTPRoute ties to them. All that is in no unit goes at once. Why no composition names what is not there, given that
 * `base` and `wanted` name nothing that is not there either:
 *   - a resource of `wanted` may refer to something new; were that held, the two would be one unit, and held together;
 *   - a held resource keeps its former content, and may refer to something that is gone; then its unit is none, and
 *     goes at once, because what is gone may have been taken away.
 * The surprise: a unit that hangs together with a change that may not wait is none either. What would be a listener of
 * today before a cluster of yesterday goes whole, and at once.
 */
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';
import { canWait, mayWait, shapeOf } from './may-wait.ts';
import { keyOf, type ResourceKey, referencesOf } from './references.ts';

export interface Unit {
  /** By key. */
  readonly members: ReadonlyMap<ResourceKey, Member>;
}

export interface Member {
  /** Absent where the proxy has nothing of this name. */
  readonly before?: Resource;
  readonly after: Resource;
  /** Equal for proxies that are given the same, up to what names the workload itself. */
  readonly content: ContentKey;
}

/** `owner`, key and shape of one content: what one proxy tries and the others wait for. */
export type ContentKey = string;

/** @param owner whoever else tries the same content: proxies of different owners never wait for each other. */
export function unitsOf(base: ResourceSnapshot, wanted: ResourceSnapshot, owner: string): readonly Unit[] {
  const changed = changesOf(base, wanted);
  return togetherIn(changed).flatMap((keys) => {
    const members = new Map<ResourceKey, Member>();
    for (const key of keys) {
      const change = changed.get(key);
      if (change === undefined || !mayWait(change.before, change.after)) return [];
      if (change.before !== undefined && refersToGone(change.before, base, wanted)) return [];
      members.set(key, { ...change, content: `${owner} ${key} ${shapeOf(change.after)}` });
    }
    return [{ members }];
  });
}

/**
 * `wanted`, but what is held as it is in `base`. Resources and listings that did not change are those of `base`, the very
 * same values, so that whoever has looked at them once need not look again.
 */
export function compose(base: ResourceSnapshot, wanted: ResourceSnapshot, held: readonly Unit[]): ResourceSnapshot {
  const types = new Map<string, ReadonlyMap<string, Resource>>();
  for (const [typeUrl, listing] of wanted.types) {
    const former = base.types.get(typeUrl);
    const composed = new Map<string, Resource>();
    let isSame = true;
    for (const [name, resource] of listing) {
      const given = giveOne(former?.get(name), resource, held);
      if (given !== undefined) composed.set(name, given);
      isSame &&= given === former?.get(name);
    }
    types.set(typeUrl, isSame && former !== undefined && former.size === composed.size ? former : composed);
  }
  return { revision: wanted.revision, types };
}

/** Of two of which one was composed on the other: whether nothing changed. */
export function isSame(left: ResourceSnapshot, right: ResourceSnapshot): boolean {
  return (
    left.revision === right.revision && [...right.types].every(([typeUrl, all]) => left.types.get(typeUrl) === all)
  );
}

function giveOne(former: Resource | undefined, resource: Resource, held: readonly Unit[]): Resource | undefined {
  if (former?.version === resource.version) return former;
  const key = keyOf(resource);
  const member = held.find(({ members }) => members.has(key))?.members.get(key);
  return member === undefined ? resource : member.before;
}

/** @returns undefined if every name that `snapshot` refers to, and that `world` knows, is in it; or one that is not. */
export function danglingIn(snapshot: ResourceSnapshot, world: readonly ResourceSnapshot[]): ResourceKey | undefined {
  for (const listing of snapshot.types.values()) {
    for (const resource of listing.values()) {
      if (!canWait.has(resource.typeUrl)) continue;
      for (const key of referencesOf(resource)) {
        if (!has(snapshot, key) && world.some((each) => has(each, key))) return key;
      }
    }
  }
  return undefined;
}

type Change = Omit<Member, 'content'>;

function changesOf(base: ResourceSnapshot, wanted: ResourceSnapshot): ReadonlyMap<ResourceKey, Change> {
  const changed = new Map<ResourceKey, Change>();
  for (const typeUrl of canWait) {
    const former = base.types.get(typeUrl);
    for (const [name, after] of wanted.types.get(typeUrl) ?? []) {
      const before = former?.get(name);
      if (before?.version === after.version) continue;
      changed.set(keyOf(after), { ...(before === undefined ? {} : { before }), after });
    }
  }
  return changed;
}

/** Changes in groups that refer to each other, as they were or as they will be. */
function togetherIn(changed: ReadonlyMap<ResourceKey, Change>): readonly ReadonlySet<ResourceKey>[] {
  const groups = new Map<ResourceKey, Set<ResourceKey>>();
  for (const [key, { before, after }] of changed) {
    const own = groups.get(key) ?? new Set([key]);
    groups.set(key, own);
    for (const other of [...referencesOf(after), ...(before === undefined ? [] : referencesOf(before))]) {
      if (!changed.has(other)) continue;
      const joined = groups.get(key) ?? own;
      for (const each of groups.get(other) ?? [other]) {
        joined.add(each);
        groups.set(each, joined);
      }
    }
  }
  return [...new Set(groups.values())];
}

function refersToGone(before: Resource, base: ResourceSnapshot, wanted: ResourceSnapshot): boolean {
  return [...referencesOf(before)].some((key) => has(base, key) && !has(wanted, key));
}

function has({ types }: ResourceSnapshot, key: ResourceKey): boolean {
  const split = key.indexOf(' ');
  return types.get(key.slice(0, split))?.has(key.slice(split + 1)) ?? false;
}
