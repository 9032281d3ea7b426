/** The newest so many of a stream of things; the oldest goes when one more comes. */
export class Recent<T extends { readonly atMs: number }> {
  readonly #max: number;
  readonly #ring: T[] = [];
  /** Where the next one goes, once the ring is full. */
  #next = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(thing: T): void {
    if (this.#ring.length < this.#max) this.#ring.push(thing);
    else this.#ring[this.#next] = thing;
    this.#next = (this.#next + 1) % this.#max;
  }

  /** Those that came at `fromMs` or later, in no order. */
  since(fromMs: number): readonly T[] {
    return this.#ring.filter(({ atMs }) => atMs >= fromMs);
  }
}
