/**
 * What each tenant has, read as one map: by keys that begin with the tenant's name and `/`.
 *
 *   tenant ──▶ its own map ──┐
 *   ...                      ├──▶ Joined: a value, made of those maps and of nothing else
 *   tenant ──▶ its own map ──┘
 *
 * So a change of one tenant costs that tenant's map and not one of the whole mesh.
 */

export class Joined<Value> implements ReadonlyMap<string, Value> {
  readonly #parts: ReadonlyMap<string, ReadonlyMap<string, Value>>;
  readonly size: number;

  /** @param parts by tenant. */
  constructor(parts: ReadonlyMap<string, ReadonlyMap<string, Value>> = new Map()) {
    this.#parts = parts;
    this.size = [...parts.values()].reduce((sum, part) => sum + part.size, 0);
  }

  /** @returns this very value where each part is the very same; one that is empty is none. */
  with(parts: Iterable<readonly [string, ReadonlyMap<string, Value>]>): Joined<Value> {
    const next = new Map([...parts].filter(([, part]) => part.size > 0));
    const isSame = next.size === this.#parts.size && [...next].every(([name, part]) => this.#parts.get(name) === part);
    return isSame ? this : new Joined(next);
  }

  get(key: string): Value | undefined {
    return this.#parts.get(key.slice(0, key.indexOf('/')))?.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[string, Value]> {
    for (const part of this.#parts.values()) yield* part;
  }

  *keys(): MapIterator<string> {
    for (const part of this.#parts.values()) yield* part.keys();
  }

  *values(): MapIterator<Value> {
    for (const part of this.#parts.values()) yield* part.values();
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }
}
