/**
 * What each namespace has, read as one map: by keys that begin with the namespace's name and `/`.
 *
 *   namespace ──▶ its own map ──┐
 *   ...                         ├──▶ JoinedMap: a value, made of those maps and of nothing else
 *   namespace ──▶ its own map ──┘
 *
 * So a change of one namespace costs that namespace's map and not one of the whole mesh; and whoever looks for what
 * moved looks at the parts, of which there are a hundred, and not at ten thousand entries.
 */

export class JoinedMap<Value> implements ReadonlyMap<string, Value> {
  /** By namespace; none is empty. */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, Value>>;
  readonly size: number;

  /** @param parts by namespace. */
  constructor(parts: ReadonlyMap<string, ReadonlyMap<string, Value>> = new Map()) {
    this.parts = parts;
    let size = 0;
    for (const part of parts.values()) size += part.size;
    this.size = size;
  }

  /** @returns this very value where each part is the very same, in the same order; one that is empty is none. */
  with(parts: Iterable<readonly [string, ReadonlyMap<string, Value>]>): JoinedMap<Value> {
    const next = new Map<string, ReadonlyMap<string, Value>>();
    const before = this.parts.entries();
    let isSame = true;
    for (const [name, part] of parts) {
      if (part.size === 0) continue;
      next.set(name, part);
      const [formerName, formerPart] = before.next().value ?? [];
      isSame &&= formerName === name && formerPart === part;
    }
    return isSame && next.size === this.parts.size ? this : new JoinedMap(next);
  }

  get(key: string): Value | undefined {
    return this.parts.get(key.slice(0, key.indexOf('/')))?.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[string, Value]> {
    for (const part of this.parts.values()) for (const entry of part) yield entry;
  }

  *keys(): MapIterator<string> {
    for (const part of this.parts.values()) for (const key of part.keys()) yield key;
  }

  *values(): MapIterator<Value> {
    for (const part of this.parts.values()) for (const value of part.values()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }
}

type Named<Value> = ReadonlyMap<string, Value>;

/** Of two maps those parts, in pairs, that are not the very same; of two that are not both joined, they themselves. */
export function differingParts<Value>(
  former: Named<Value>,
  next: Named<Value>,
): readonly (readonly [former: Named<Value>, next: Named<Value>])[] {
  if (former === next) return [];
  if (!(former instanceof JoinedMap && next instanceof JoinedMap)) return [[former, next]];
  const pairs: [Named<Value>, Named<Value>][] = [];
  for (const [name, part] of next.parts) {
    const before = former.parts.get(name);
    if (before !== part) pairs.push([before ?? new Map(), part]);
  }
  for (const [name, part] of former.parts) if (!next.parts.has(name)) pairs.push([part, new Map()]);
  return pairs;
}
