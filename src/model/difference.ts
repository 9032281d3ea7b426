/**
 * What differs between two lists of which the newer is mostly the older one.
 *
 *   former, next ──by identity──▶ gone, come        what is alike before and behind the first and last difference is passed by
 */

export interface Difference<T> {
  /** In `former` and no more in `next`; one that stood there twice, as often as it is missing. */
  readonly gone: readonly T[];
  readonly come: readonly T[];
}

/** The order tells nothing: what only moved has neither gone nor come. */
export function differenceOf<T>(former: readonly T[], next: readonly T[]): Difference<T> {
  const shorter = Math.min(former.length, next.length);
  let start = 0;
  while (start < shorter && former[start] === next[start]) start += 1;
  let end = 0;
  while (end < shorter - start && former[former.length - 1 - end] === next[next.length - 1 - end]) end += 1;
  const left = new Map<T, number>();
  for (const each of former.slice(start, former.length - end)) left.set(each, (left.get(each) ?? 0) + 1);
  const come: T[] = [];
  for (const each of next.slice(start, next.length - end)) {
    const times = left.get(each) ?? 0;
    if (times === 0) come.push(each);
    else left.set(each, times - 1);
  }
  return { gone: [...left].flatMap(([each, times]) => Array<T>(times).fill(each)), come };
}
