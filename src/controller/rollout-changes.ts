/**
 * What differs between two maps of which most entries are the very same values.
 *
 *   former, next ──walked side by side──▶ entries that are new or another value, keys that are gone
 *
 * Both have their keys in about the same order, so that hardly one of them has to be looked up: ten thousand that did not
 * change are passed by in a fraction of a millisecond.
 */

export interface MapChanges<T> {
  /** Of `next`, in its order. */
  readonly changed: ReadonlyMap<string, T>;
  readonly gone: readonly string[];
}

export function changesBetween<T>(former: ReadonlyMap<string, T>, next: ReadonlyMap<string, T>): MapChanges<T> {
  const changed = new Map<string, T>();
  const gone: string[] = [];
  if (former === next) return { changed, gone };
  const keys = former.keys();
  const values = former.values();
  let key = keys.next();
  let value = values.next();
  const pass = () => {
    key = keys.next();
    value = values.next();
  };
  const passGone = () => {
    for (; key.done !== true && !next.has(key.value); pass()) gone.push(key.value);
  };
  for (const [name, each] of next) {
    if (key.value !== name) passGone();
    const isNext = key.done !== true && key.value === name;
    const before = isNext ? value.value : former.get(name);
    if (isNext) pass();
    if (before !== each) changed.set(name, each);
  }
  for (; key.done !== true; pass()) if (!next.has(key.value)) gone.push(key.value);
  return { changed, gone };
}
