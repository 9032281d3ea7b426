/**
 * What one proxy may be working with, by name: what it has been given since it last said what it has.
 *
 *   give(snapshot) ──▶ one content more is possible      ACK, and a moment ──▶ those before it are not
 *
 * Of most resources exactly one content is possible, the one that was given, and nothing is kept of those. A proxy that
 * does not answer is not asked for ever: after `silenceMs` what was given is taken for what it has.
 * The surprise: an ACK precedes its effect. Envoy's main thread acknowledges, and its workers are told; so what an ACK
 * replaced stays possible for `effectMs`.
 */
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';
import { type ListingChanges, listingChanges } from './listing-changes.ts';
import { keyOf, type ResourceKey } from './references.ts';

/** From an ACK until every worker of that Envoy acts by it, in ms: some milliseconds, and tens where its cores are taken. */
export const effectMs = 100;
/** Longest that a proxy is waited for, in ms: more than a slow one takes, and less than an author waits for an edit. */
export const silenceMs = 5_000;

/** One content, `undefined` where the resource is not there. */
interface Given {
  readonly resource: Resource | undefined;
  readonly givenAtMs: number;
  readonly answeredAtMs: number;
}

export class Acceptance {
  #given: ResourceSnapshot;
  /** Oldest first, two at least: names of which more than one content is possible. */
  readonly #open = new Map<ResourceKey, readonly Given[]>();

  /** @param first what a new proxy begins with: it says that it is ready by other means. */
  constructor(first: ResourceSnapshot) {
    this.#given = first;
  }

  get given(): ResourceSnapshot {
    return this.#given;
  }

  give(next: ResourceSnapshot, nowMs: number): void {
    for (const key of this.#open.keys()) this.#openNow(key, nowMs);
    const { types } = this.#given;
    let stayed = 0;
    for (const [typeUrl, listing] of next.types) {
      const former = types.get(typeUrl);
      if (former !== undefined) stayed += 1;
      if (former !== listing) this.#giveAll(typeUrl, listingChanges(former, listing), nowMs);
    }
    this.#given = next;
    if (stayed === types.size) return;
    for (const [typeUrl, former] of types) {
      if (!next.types.has(typeUrl)) this.#giveAll(typeUrl, listingChanges(former), nowMs);
    }
  }

  #giveAll(typeUrl: string, { changed, gone }: ListingChanges, nowMs: number): void {
    for (const { before, after } of changed) this.#giveOne(typeUrl, after.name, before, after, nowMs);
    for (const before of gone) this.#giveOne(typeUrl, before.name, before, undefined, nowMs);
  }

  #giveOne(
    typeUrl: string,
    name: string,
    before: Resource | undefined,
    after: Resource | undefined,
    nowMs: number,
  ): void {
    const key = keyOf({ typeUrl, name });
    const known = this.#openNow(key, nowMs) ?? [{ resource: before, givenAtMs: nowMs, answeredAtMs: nowMs }];
    this.#open.set(key, [...known, { resource: after, givenAtMs: nowMs, answeredAtMs: Infinity }]);
  }

  /** @param resources versions by name. @param removed names that the proxy says are gone. */
  answered(typeUrl: string, resources: ReadonlyMap<string, string>, removed: readonly string[], nowMs: number): void {
    if (this.#open.size === 0) return;
    for (const [name, version] of resources) this.#answer(keyOf({ typeUrl, name }), version, nowMs);
    for (const name of removed) this.#answer(keyOf({ typeUrl, name }), undefined, nowMs);
  }

  possible(key: ResourceKey, nowMs: number): readonly (Resource | undefined)[] {
    const open = this.#openNow(key, nowMs);
    if (open !== undefined) return open.map(({ resource }) => resource);
    const split = key.indexOf(' ');
    return [this.#given.types.get(key.slice(0, split))?.get(key.slice(split + 1))];
  }

  /** Every content of one type that is possible. */
  possibleOf(typeUrl: string, nowMs: number): readonly Resource[] {
    const start = `${typeUrl} `;
    const open = [...this.#open.keys()].filter((key) => key.startsWith(start));
    const given = [...(this.#given.types.get(typeUrl)?.values() ?? [])];
    return [...given, ...open.flatMap((key) => this.possible(key, nowMs)).filter((each) => each !== undefined)];
  }

  #answer(key: ResourceKey, version: string | undefined, nowMs: number): void {
    const open = this.#open.get(key);
    const index = open?.findLastIndex(({ resource }) => resource?.version === version) ?? -1;
    if (open === undefined || index < 1) return;
    this.#open.set(
      key,
      open.map((each, at) => (at === index ? { ...each, answeredAtMs: Math.min(each.answeredAtMs, nowMs) } : each)),
    );
  }

  /** What comes before something that is surely in force is not possible any more. */
  #openNow(key: ResourceKey, nowMs: number): readonly Given[] | undefined {
    const open = this.#open.get(key);
    if (open === undefined) return undefined;
    const certain = open.findLastIndex(
      ({ givenAtMs, answeredAtMs }) => answeredAtMs + effectMs <= nowMs || givenAtMs + silenceMs <= nowMs,
    );
    if (certain <= 0) return open;
    const left = open.slice(certain);
    if (left.length === 1) this.#open.delete(key);
    else this.#open.set(key, left);
    return left.length === 1 ? undefined : left;
  }
}
