/**
 * Objects of one place, each as far as somebody wants to know it.
 *
 *   raw object ──readHeld(reduce)──▶ HeldObject ──apply──▶ objects()      what was reduced to the same is no change
 */
import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../../model/prune.ts';
import type { Change, Item } from './answer.ts';
import type { ItemStore } from './follower.ts';
import { itemIdentity } from './item-identity.ts';
import type { ReadItem } from './parse-answer.ts';

export interface HeldObject<T> extends Item {
  readonly object: T;
}

/** @param reduce to what is to be kept of an object; it is asked of every one that comes. */
export function readHeld<T>(reduce: (raw: Record<string, unknown>) => T): ReadItem<HeldObject<T>> {
  return (raw) => {
    const identity = itemIdentity(raw);
    return identity === undefined || !isRecord(raw) ? undefined : { ...identity, object: reduce(raw) };
  };
}

export class ObjectStore<T> implements ItemStore<HeldObject<T>> {
  /** By key; of at most `objectsMax` entries, which the list and watch sees to. */
  #held = new Map<string, HeldObject<T>>();

  get size(): number {
    return this.#held.size;
  }

  versionOf(key: string): string | undefined {
    return this.#held.get(key)?.resourceVersion;
  }

  get(key: string): T | undefined {
    return this.#held.get(key)?.object;
  }

  objects(): readonly T[] {
    return Array.from(this.#held.values(), ({ object }) => object);
  }

  apply(change: Change<HeldObject<T>>): boolean {
    switch (change.kind) {
      case 'put': {
        const { item } = change;
        const before = this.#held.get(item.key);
        this.#held.set(item.key, kept(before, item));
        return this.#held.get(item.key)?.object !== before?.object;
      }
      case 'remove':
        return this.#held.delete(change.key);
      case 'replace': {
        const before = this.#held;
        this.#held = new Map(change.items.map((item) => [item.key, kept(before.get(item.key), item)]));
        return (
          before.size !== this.#held.size ||
          [...this.#held].some(([key, { object }]) => before.get(key)?.object !== object)
        );
      }
    }
  }
}

/** The very same object as before where it is equal. */
function kept<T>(before: HeldObject<T> | undefined, item: HeldObject<T>): HeldObject<T> {
  return before !== undefined && isDeepStrictEqual(before.object, item.object)
    ? { ...item, object: before.object }
    : item;
}
