/**
 * A configuration in which some things are still as they were, with all that those refer to.
 *
 *   wanted ──keep(key, former content)──▶ and its routes, clusters, endpoints and secrets, where `wanted` has none of that name
 *
 * Mutable while it is made. Types that nothing was kept of are those of `wanted`, the very same values.
 */
import type { Listing, Resource, ResourceSnapshot } from '../xds/resource.ts';
import { keyOf, type ResourceKey, referencesOf } from './references.ts';

export class HandoverDraft {
  readonly #shown: ResourceSnapshot;
  readonly #wanted: ResourceSnapshot;
  readonly #changed = new Map<string, Map<string, Resource>>();
  /** What is not as it is wanted, and why somebody might ask how long. */
  readonly held = new Set<ResourceKey>();

  /** @param shown what the proxy was given last. */
  constructor(shown: ResourceSnapshot, wanted: ResourceSnapshot) {
    this.#shown = shown;
    this.#wanted = wanted;
  }

  /** @param instead absent: nothing of that name. */
  hold(key: ResourceKey, instead: Resource | undefined): void {
    this.held.add(key);
    this.#put(key, instead);
    if (instead !== undefined) this.keep(referencesOf(instead));
  }

  /** What of these is gone is there again, and whatever it refers to. */
  keep(keys: Iterable<ResourceKey>): void {
    for (const key of keys) {
      const former = resourceIn(this.#shown, key);
      if (former === undefined || this.resource(key) !== undefined || resourceIn(this.#wanted, key) !== undefined)
        continue;
      this.#put(key, former);
      this.keep(referencesOf(former));
    }
  }

  resource(key: ResourceKey): Resource | undefined {
    const { typeUrl, name } = split(key);
    return this.listing(typeUrl)?.get(name);
  }

  /** The very same value as of what is wanted where nothing of that type is held or kept. */
  listing(typeUrl: string): Listing | undefined {
    return this.#changed.get(typeUrl) ?? this.#wanted.types.get(typeUrl);
  }

  /** Of one type that `wanted` has nothing of, by name. */
  kept(typeUrl: string): readonly Resource[] {
    const wanted = this.#wanted.types.get(typeUrl);
    return [...(this.#changed.get(typeUrl)?.values() ?? [])].filter(({ name }) => !wanted?.has(name));
  }

  replace(resource: Resource): void {
    this.#put(keyOf(resource), resource);
  }

  finish(): ResourceSnapshot {
    if (this.#changed.size === 0) return this.#wanted;
    return { revision: this.#wanted.revision, types: new Map([...this.#wanted.types, ...this.#changed]) };
  }

  #put(key: ResourceKey, resource: Resource | undefined): void {
    const { typeUrl, name } = split(key);
    const listing = this.#changed.get(typeUrl) ?? new Map(this.#wanted.types.get(typeUrl));
    this.#changed.set(typeUrl, listing);
    if (resource === undefined) listing.delete(name);
    else listing.set(name, resource);
  }
}

export function resourceIn({ types }: ResourceSnapshot, key: ResourceKey): Resource | undefined {
  const { typeUrl, name } = split(key);
  return types.get(typeUrl)?.get(name);
}

function split(key: ResourceKey): Pick<Resource, 'typeUrl' | 'name'> {
  const at = key.indexOf(' ');
  return { typeUrl: key.slice(0, at), name: key.slice(at + 1) };
}
