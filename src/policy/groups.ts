/**
 * Values by owner: lists that are the very same as before for as long as their members are.
 *
 *   values ──grouped──▶ owner ──▶ members      a walk that reads every value and allocates only where a list moved
 *
 * Owners may come in any order; where each one's values stand together, which is so in whatever is sorted by
 * `namespace/name`, an owner is looked up once.
 */

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

/** Most values that are put in the place of others one by one, each at the cost of its owner's list. */
const replacedMax = 64;

/**
 * The same of a map, where a map of before is known: what stands where it stood is not read, but only compared.
 *
 * @param ownerOf the same for all values that one key ever has.
 */
export function regrouped<T>(
  values: ReadonlyMap<string, T>,
  ownerOf: (value: T) => string,
  former?: { readonly values: ReadonlyMap<string, T>; readonly groups: Groups<T> },
): Groups<T> {
  if (former === undefined) return grouped(values.values(), ownerOf);
  if (former.values === values) return former.groups;
  const replaced = replacedIn(former.values, values);
  if (replaced === undefined) return grouped(values.values(), ownerOf, former.groups);
  const groups = new Map(former.groups);
  for (const [before, after] of replaced) {
    const owner = ownerOf(after);
    groups.set(
      owner,
      (groups.get(owner) ?? []).map((each) => (each === before ? after : each)),
    );
  }
  return groups;
}

/** Pairs of what stood and what stands at one key; undefined where keys came or went, or where it is not a matter of a few. */
function replacedIn<T>(
  former: ReadonlyMap<string, T>,
  next: ReadonlyMap<string, T>,
): readonly (readonly [T, T])[] | undefined {
  if (former.size !== next.size) return undefined;
  const replaced: (readonly [T, T])[] = [];
  const before = former.values();
  for (const after of next.values()) {
    const { value } = before.next();
    if (value === undefined || replaced.length > replacedMax) return undefined;
    if (value !== after) replaced.push([value, after]);
  }
  if (replaced.length === 0) return [];
  const keys = former.keys();
  for (const key of next.keys()) if (keys.next().value !== key) return undefined;
  return replaced;
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
