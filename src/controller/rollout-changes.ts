/**
 * What differs between two maps of which most entries are the very same values.
 *
 *   former, next ──walked side by side──▶ entries that are new or another value, keys that are gone
 *
 * Both have their keys in about the same order, so that hardly one of them has to be looked up; and of maps that are joined
 * of parts, parts that are the very same are passed by, so that a change of one namespace costs that namespace.
 */
import { differingParts } from '../model/joined-map.ts';

export interface MapChanges<T> {
  /** Of `next`, in its order. */
  readonly changed: ReadonlyMap<string, T>;
  readonly gone: readonly string[];
}

export function changesBetween<T>(former: ReadonlyMap<string, T>, next: ReadonlyMap<string, T>): MapChanges<T> {
  const changed = new Map<string, T>();
  const gone: string[] = [];
  for (const [part, nextPart] of differingParts(former, next)) compare(part, nextPart, changed, gone);
  return { changed, gone };
}

function compare<T>(
  former: ReadonlyMap<string, T>,
  next: ReadonlyMap<string, T>,
  changed: Map<string, T>,
  gone: string[],
): void {
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
}
