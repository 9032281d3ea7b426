/**
 * Of two values the newer, made of the older one's parts wherever the two are equal.
 *
 *   former, next ──keepUnchanged──▶ a value equal to `next`; the very same `former` where nothing differs
 *
 * So whoever looks at a value again sees by identity, and without reading it, what has not changed. Lists are compared
 * place by place: what moved within one is taken from `next`.
 */
import { JoinedMap } from './joined-map.ts';

/** @param next plain data: records, arrays, maps by text or number, joined ones too, sets; no cycles. */
export function keepUnchanged<T>(former: T | undefined, next: T): T {
  return keep(former, next) as T;
}

/** Whether two lists hold the very same values. */
export function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((each, index) => Object.is(each, right[index]));
}

/** The former of two maps that hold the very same values by the same keys, in the same order; otherwise the newer. */
export function keepSameMap<Map extends ReadonlyMap<unknown, unknown>>(former: Map | undefined, next: Map): Map {
  if (former === undefined || former === next || former.size !== next.size) return next;
  const before = former.entries();
  for (const [key, value] of next) {
    const [formerKey, formerValue] = before.next().value ?? [];
    if (!Object.is(formerKey, key) || !Object.is(formerValue, value)) return next;
  }
  return former;
}

function keep(former: unknown, next: unknown): unknown {
  if (Object.is(former, next)) return former;
  if (typeof former !== 'object' || typeof next !== 'object' || former === null || next === null) return next;
  if (Array.isArray(next)) return Array.isArray(former) ? keepList(former, next) : next;
  if (next instanceof Map) return former instanceof Map ? keepMap(former, next) : next;
  if (next instanceof JoinedMap) return former instanceof JoinedMap ? keepJoined(former, next) : next;
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
  // Copied when a value is replaced, and no sooner: where all but a few are the very same, that few is the whole work.
  let kept: Map<unknown, unknown> | undefined;
  for (const [key, value] of next) {
    const each = keep(former.get(key), value);
    if (Object.is(each, value)) continue;
    kept ??= new Map(next);
    kept.set(key, each);
  }
  return keepSameMap(former, kept ?? next);
}

function keepJoined(former: JoinedMap<unknown>, next: JoinedMap<unknown>): JoinedMap<unknown> {
  return former.with([...next.parts].map(([name, part]) => [name, keepUnchanged(former.parts.get(name), part)]));
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

/** What has methods of its own may hold more than its fields tell: it is taken as it is. */
function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
