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
 *
 * All proxies of a mesh may be asked about in one breath: a listing that is the very same value is passed by, and what a
 * resource refers to is read only where that makes a difference.
 */
import type { Listing, Resource, ResourceSnapshot } from '../xds/resource.ts';
import { listingChanges, type ResourceChange } from './listing-changes.ts';
import { canWait } from './may-wait.ts';
import { keyOf, type ResourceKey, referencesOf } from './references.ts';
import type { ChangeReader } from './rollout-reader.ts';

export interface Unit {
  /** By key. */
  readonly members: ReadonlyMap<ResourceKey, Member>;
}

export interface Member extends ResourceChange {
  /** Equal for proxies that are given the same, up to what names the workload itself. */
  readonly content: ContentKey;
}

/** `owner`, key and shape of one content: what one proxy tries and the others wait for. */
export type ContentKey = string;

/**
 * @param owner whoever else tries the same content: proxies of different owners never wait for each other.
 * @param reader of what is told to this proxy.
 */
export function unitsOf(
  base: ResourceSnapshot,
  wanted: ResourceSnapshot,
  owner: string,
  reader: ChangeReader,
): readonly Unit[] {
  const changed = changesOf(base, wanted);
  if (changed.size === 0) return [];
  const patient = new Set([...changed].flatMap(([key, change]) => (reader.mayWait(change) ? [key] : [])));
  if (patient.size === 0) return [];
  const gone = goneFrom(base, wanted);
  const groups = changed.size === 1 ? [patient] : togetherIn(changed);
  return groups.flatMap((keys) => {
    const members = new Map<ResourceKey, Member>();
    for (const key of keys) {
      const change = changed.get(key);
      if (change === undefined || !patient.has(key) || refersToAny(change.before, gone)) return [];
      members.set(key, { ...change, content: `${owner} ${key} ${reader.shapeOf(change.after)}` });
    }
    return [{ members }];
  });
}

/**
 * `wanted`, but what is held as it is in `base`. Resources and listings that did not change are those of `base`, the very
 * same values, so that whoever has looked at them once need not look again; and where that makes no other listing, all of
 * it is `wanted` itself.
 */
export function compose(base: ResourceSnapshot, wanted: ResourceSnapshot, held: readonly Unit[]): ResourceSnapshot {
  if (base === wanted) return wanted;
  const members = new Map(held.flatMap((unit) => [...unit.members]));
  const others = new Map<string, Listing>();
  for (const [typeUrl, listing] of wanted.types) {
    const composed = composeListing(base.types.get(typeUrl), listing, members);
    if (composed !== listing) others.set(typeUrl, composed);
  }
  return others.size === 0 ? wanted : { revision: wanted.revision, types: new Map([...wanted.types, ...others]) };
}

type Held = ReadonlyMap<ResourceKey, Member>;

function composeListing(former: Listing | undefined, listing: Listing, held: Held): Listing {
  if (former === listing) return listing;
  if (held.size === 0) {
    const { changed, gone, isKept } = listingChanges(former, listing);
    if (former !== undefined && changed.length + gone.length === 0) return former;
    if (isKept) return listing;
  }
  let isFormer = former?.size === listing.size;
  let isWanted = true;
  for (const [name, resource] of listing) {
    const before = former?.get(name);
    const given = giveOne(before, resource, held);
    isFormer &&= given !== undefined && given === before;
    isWanted &&= given === resource;
    if (!isFormer && !isWanted) break;
  }
  if (isFormer && former !== undefined) return former;
  if (isWanted) return listing;
  const all = [...listing].map(([name, resource]) => [name, giveOne(former?.get(name), resource, held)] as const);
  return new Map(all.flatMap(([name, given]) => (given === undefined ? [] : [[name, given]])));
}

/** Of two of which one was composed on the other: whether nothing changed. */
export function isSame(left: ResourceSnapshot, right: ResourceSnapshot): boolean {
  if (left === right) return true;
  if (left.revision !== right.revision) return false;
  for (const [typeUrl, listing] of right.types) if (left.types.get(typeUrl) !== listing) return false;
  return true;
}

function giveOne(former: Resource | undefined, resource: Resource, held: Held): Resource | undefined {
  if (former === resource || former?.version === resource.version) return former;
  const member = held.size === 0 ? undefined : held.get(keyOf(resource));
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

function changesOf(base: ResourceSnapshot, wanted: ResourceSnapshot): ReadonlyMap<ResourceKey, ResourceChange> {
  const changed = new Map<ResourceKey, ResourceChange>();
  for (const typeUrl of canWait) {
    const former = base.types.get(typeUrl);
    const listing = wanted.types.get(typeUrl);
    if (listing === undefined || listing === former) continue;
    for (const change of listingChanges(former, listing).changed) changed.set(keyOf(change.after), change);
  }
  return changed;
}

/** What was there, and is not wanted any more. */
function goneFrom(base: ResourceSnapshot, wanted: ResourceSnapshot): ReadonlySet<ResourceKey> {
  const gone = new Set<ResourceKey>();
  for (const [typeUrl, former] of base.types) {
    const listing = wanted.types.get(typeUrl);
    if (listing === former) continue;
    for (const each of listingChanges(former, listing).gone) gone.add(keyOf(each));
  }
  return gone;
}

/** Changes in groups that refer to each other, as they were or as they will be. */
function togetherIn(changed: ReadonlyMap<ResourceKey, ResourceChange>): readonly ReadonlySet<ResourceKey>[] {
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

function refersToAny(before: Resource | undefined, gone: ReadonlySet<ResourceKey>): boolean {
  return before !== undefined && gone.size > 0 && [...referencesOf(before)].some((key) => gone.has(key));
}

function has({ types }: ResourceSnapshot, key: ResourceKey): boolean {
  const split = key.indexOf(' ');
  return types.get(key.slice(0, split))?.has(key.slice(split + 1)) ?? false;
}
