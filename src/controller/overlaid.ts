/**
 * What many have in common, and what one of them has of its own, read as one map.
 *
 *   shared ──┐
 *   own    ──┴──▶ Overlaid: the own entries, and of the shared ones those that are not called the same
 *
 * So a proxy costs its own entries and not those of its class. It is a value like what it is made of: nothing is ever
 * written to it, and nothing that it was made of may be.
 */

export class Overlaid<Value> implements ReadonlyMap<string, Value> {
  readonly #shared: ReadonlyMap<string, Value>;
  readonly #names: readonly string[];
  readonly #values: readonly Value[];

  /** @param names each once, one for each of `values`; few, as they are searched one by one. */
  constructor(shared: ReadonlyMap<string, Value>, names: readonly string[], values: readonly Value[]) {
    this.#shared = shared;
    this.#names = names;
    this.#values = values;
  }

  get size(): number {
    let size = this.#shared.size;
    for (const name of this.#names) if (!this.#shared.has(name)) size += 1;
    return size;
  }

  get(name: string): Value | undefined {
    const index = this.#names.indexOf(name);
    return index === -1 ? this.#shared.get(name) : this.#values[index];
  }

  has(name: string): boolean {
    return this.#names.includes(name) || this.#shared.has(name);
  }

  /**
   * The only names under which this one and another may say different things: where both lie over the very same, a few.
   * This one's come first, as in `entries`.
   * @returns undefined where there may be others.
   */
  namesApart(other: Overlaid<Value>): readonly string[] | undefined {
    if (other.#shared !== this.#shared) return undefined;
    const others = other.#names.filter((name) => !this.#names.includes(name));
    return others.some((name) => this.#shared.has(name)) ? undefined : [...this.#names, ...others];
  }

  *entries(): MapIterator<[string, Value]> {
    for (const [index, value] of this.#values.entries()) yield [this.#names[index] ?? '', value];
    for (const entry of this.#shared) if (!this.#names.includes(entry[0])) yield entry;
  }

  *keys(): MapIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, name: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [name, value] of this) visit(value, name, this);
  }
}
