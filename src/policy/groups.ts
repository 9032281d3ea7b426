/**
 * Values by owner: lists that are the very same as before for as long as their members are.
 *
 *   values ──grouped──▶ owner ──▶ members      a walk that reads every value and allocates only where a list moved
 *
 * Owners may come in any order; where each one's values stand together, which is so in whatever is sorted by
 * `namespace/name`, an owner is looked up once.
 */
import { differingParts } from '../model/joined-map.ts';

export type Groups<T> = ReadonlyMap<string, readonly T[]>;

/** @param former what is equal to it, list by list, is taken from there. */
export function grouped<T>(
  values: Iterable<T>,
  ownerOf: (value: T) => string,
  former: Groups<T> = new Map(),
): Groups<T> {
  const drafts = new Map<string, Draft<T>>();
  let current: { readonly owner: string; readonly draft: Draft<T> } | undefined;
  for (const value of values) {
    const owner = ownerOf(value);
    if (current?.owner !== owner) {
      const draft = drafts.get(owner) ?? new Draft(former.get(owner) ?? []);
      drafts.set(owner, draft);
      current = { owner, draft };
    }
    current.draft.add(value);
  }
  return new Map([...drafts].map(([owner, draft]) => [owner, draft.members()]));
}

/**
 * The same of a map, where a map of before is known: of maps that are joined, parts that are the very same are not read.
 *
 * @param values where it is joined, all values of one owner are in one part.
 */
export function regrouped<T>(
  values: ReadonlyMap<string, T>,
  ownerOf: (value: T) => string,
  former?: { readonly values: ReadonlyMap<string, T>; readonly groups: Groups<T> },
): Groups<T> {
  if (former === undefined) return grouped(values.values(), ownerOf);
  const pairs = differingParts(former.values, values);
  if (pairs.length === 0) return former.groups;
  const groups = new Map(former.groups);
  for (const [before] of pairs) for (const value of before.values()) groups.delete(ownerOf(value));
  for (const [, after] of pairs) {
    for (const [owner, members] of grouped(after.values(), ownerOf, former.groups)) groups.set(owner, members);
  }
  return groups;
}

/** One list while it is made: no list at all as long as it repeats the former one. */
class Draft<T> {
  readonly #former: readonly T[];
  #length = 0;
  #fresh: T[] | undefined;

  constructor(former: readonly T[]) {
    this.#former = former;
  }

  add(value: T): void {
    if (this.#fresh !== undefined) this.#fresh.push(value);
    else if (this.#length < this.#former.length && this.#former[this.#length] === value) this.#length += 1;
    else this.#fresh = [...this.#former.slice(0, this.#length), value];
  }

  members(): readonly T[] {
    if (this.#fresh !== undefined) return this.#fresh;
    return this.#length === this.#former.length ? this.#former : this.#former.slice(0, this.#length);
  }
}
