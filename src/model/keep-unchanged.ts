/**
 * Of two values the newer, made of the older one's parts wherever the two are equal.
 *
 *   former, next ──keepUnchanged──▶ a value equal to `next`; the very same `former` where nothing differs
 *
 * So whoever looks at a value again sees by identity, and without reading it, what has not changed. Lists are compared
 * place by place: what moved within one is taken from `next`.
 */

/** @param next plain data: records, arrays, maps by text or number, sets; no cycles. */
export function keepUnchanged<T>(former: T | undefined, next: T): T {
  return keep(former, next) as T;
}

/** Whether two lists hold the very same values. */
export function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((each, index) => Object.is(each, right[index]));
}

function keep(former: unknown, next: unknown): unknown {
  if (Object.is(former, next)) return former;
  if (typeof former !== 'object' || typeof next !== 'object' || former === null || next === null) return next;
  if (Array.isArray(next)) return Array.isArray(former) ? keepList(former, next) : next;
  if (next instanceof Map) return former instanceof Map ? keepMap(former, next) : next;
  if (next instanceof Set) return former instanceof Set && isSameList([...former], [...next]) ? former : next;
  return isRecord(former) && isRecord(next) ? keepRecord(former, next) : next;
}

function keepList(former: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  const kept = next.map((each, index) => keep(former[index], each));
  return isSameList(former, kept) ? former : kept;
}

function keepMap(
  former: ReadonlyMap<unknown, unknown>,
  next: ReadonlyMap<unknown, unknown>,
): ReadonlyMap<unknown, unknown> {
  const kept = new Map([...next].map(([key, value]) => [key, keep(former.get(key), value)]));
  return isSameList([...former.keys()], [...kept.keys()]) && isSameList([...former.values()], [...kept.values()])
    ? former
    : kept;
}

function keepRecord(
  former: Readonly<Record<string, unknown>>,
  next: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const kept: Record<string, unknown> = {};
  let isSame = Object.keys(former).length === Object.keys(next).length;
  for (const key of Object.keys(next)) {
    kept[key] = keep(former[key], next[key]);
    isSame &&= Object.hasOwn(former, key) && Object.is(former[key], kept[key]);
  }
  return isSame ? former : kept;
}

function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  return !(Array.isArray(value) || value instanceof Map || value instanceof Set);
}
