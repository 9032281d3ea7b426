/**
 * A queue with a bound, of which the newest stay: what has no room pushes out the oldest, and the caller is told whom.
 *
 *   push ──▶ [ oldest … newest ] ──▶ shift           putBack: to where it was taken from, as long as there is room
 */

export interface ShelfLimits {
  readonly itemsMax: number;
  /** As its items measure themselves. */
  readonly bytesMax: number;
}

export interface Sized {
  readonly bytes: number;
}

/** Taken items that may lie before the first until the array is cut, so that taking one is cheap on average. */
const takenMax = 1_024;

export class Shelf<Item extends Sized> {
  readonly #limits: ShelfLimits;
  #items: Item[] = [];
  #first = 0;
  #bytes = 0;

  constructor(limits: ShelfLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#items.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  hasRoomFor({ bytes }: Sized): boolean {
    return this.size < this.#limits.itemsMax && this.#bytes + bytes <= this.#limits.bytesMax;
  }

  first(): Item | undefined {
    return this.#items[this.#first];
  }

  shift(): Item | undefined {
    const item = this.first();
    if (item === undefined) return undefined;
    this.#first += 1;
    this.#bytes -= item.bytes;
    if (this.#first > takenMax && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** @returns what had to go, oldest first; the item itself where it is larger than the whole shelf. */
  push(item: Item): readonly Item[] {
    if (item.bytes > this.#limits.bytesMax) return [item];
    const gone: Item[] = [];
    while (!this.hasRoomFor(item)) gone.push(...this.#shifted());
    this.#items.push(item);
    this.#bytes += item.bytes;
    return gone;
  }

  /** @param items that were taken before everything that lies here, oldest first. @returns what had to go, oldest first. */
  putBack(items: readonly Item[]): readonly Item[] {
    let from = items.length;
    let room = this.#limits.itemsMax - this.size;
    let bytes = this.#limits.bytesMax - this.#bytes;
    while (from > 0) {
      const item = items[from - 1];
      if (item === undefined || room < 1 || item.bytes > bytes) break;
      room -= 1;
      bytes -= item.bytes;
      from -= 1;
    }
    this.#bytes = this.#limits.bytesMax - bytes;
    this.#items = [...items.slice(from), ...this.#items.slice(this.#first)];
    this.#first = 0;
    return items.slice(0, from);
  }

  /** Everything, oldest first; the shelf is empty then. */
  clear(): readonly Item[] {
    const items = this.#items.slice(this.#first);
    this.#items = [];
    this.#first = 0;
    this.#bytes = 0;
    return items;
  }

  #shifted(): readonly Item[] {
    const item = this.shift();
    return item === undefined ? [] : [item];
  }
}
