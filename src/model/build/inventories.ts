/**
 * The inventory of each namespace, kept from look to look: only where an object came, went or changed is it taken anew.
 *
 *   all objects ──what differs from the former list──▶ shelves that it touches ──▶ inventories, the others the very same
 *
 * Sources hand over a new list at each look, of objects most of which are the very same values. One that was read again
 * and says the same at the same place is the former one here, whoever made it.
 */
import { contentHash } from '../canonical-json.ts';
import { type Difference, differenceOf } from '../difference.ts';
import type { Problem } from '../problem.ts';
import type { SourcedObject } from '../sourced-object.ts';
import { type Inventory, inventoryOf, type Shelf, takeShelf } from './inventory.ts';
import type { Versioned } from './part.ts';

/** Stands for the namespace of what is in none, and of what is built of the mesh as a whole. */
export const wholeMesh = '';

/** What is in one namespace, by kind. */
export interface NamespaceInventory extends Inventory {
  readonly namespace: string;
  /** Sorted by kind. */
  readonly shelves: readonly Shelf[];
  /** Of contradictions: a list for each kind that has some. */
  readonly problems: readonly (readonly Problem[])[];
  /** Of all that is written there. */
  readonly hash: string;
}

/** Those of one look. */
export interface InventoryList extends Versioned {
  /** Sorted as keys that begin with `namespace/` are. */
  readonly all: readonly NamespaceInventory[];
}

export class Inventories {
  /** By `namespace/`. */
  readonly #stores = new Map<string, NamespaceStore>();
  #objects: readonly SourcedObject[] = [];
  #current: InventoryList = { all: [], version: 0, moved: new Set() };

  /** @returns the very same list if nothing came, went or changed. */
  take(objects: readonly SourcedObject[]): InventoryList {
    const { gone, come } = withoutRepeats(differenceOf(this.#objects, objects));
    this.#objects = objects;
    if (gone.length + come.length === 0) return this.#current;
    for (const object of gone) this.#storeOf(object).remove(object);
    for (const object of come) this.#storeOf(object).add(object);
    for (const [key, store] of this.#stores) if (store.isEmpty) this.#stores.delete(key);
    // Sorted already but for those that are new.
    const keys = [...this.#stores.keys()].sort();
    this.#current = {
      all: keys.flatMap((key) => this.#stores.get(key)?.inventory() ?? []),
      version: this.#current.version + 1,
      moved: new Set([...gone, ...come].map(({ ref }) => ref.namespace)),
    };
    return this.#current;
  }

  #storeOf({ ref: { namespace } }: SourcedObject): NamespaceStore {
    const key = `${namespace}/`;
    const store = this.#stores.get(key) ?? new NamespaceStore(namespace);
    this.#stores.set(key, store);
    return store;
  }
}

class NamespaceStore {
  readonly #namespace: string;
  /** By kind, then by id. */
  readonly #objects = new Map<string, Map<string, readonly SourcedObject[]>>();
  /** By kind; only those that hold what `#objects` holds. */
  readonly #shelves = new Map<string, Shelf>();
  #inventory: NamespaceInventory | undefined;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  get isEmpty(): boolean {
    return this.#objects.size === 0;
  }

  add(object: SourcedObject): void {
    const byId = this.#touch(object);
    byId.set(object.id, [...(byId.get(object.id) ?? []), object]);
  }

  remove(object: SourcedObject): void {
    const byId = this.#touch(object);
    const same = byId.get(object.id) ?? [];
    const gone = same.findIndex((each) => saysTheSame(each, object));
    const left = same.filter((_, index) => index !== gone);
    if (left.length > 0) byId.set(object.id, left);
    else byId.delete(object.id);
    if (byId.size === 0) this.#objects.delete(object.ref.kind);
  }

  inventory(): NamespaceInventory {
    if (this.#inventory !== undefined) return this.#inventory;
    const shelves = [...this.#objects].map(([kind, byId]) => {
      const shelf = this.#shelves.get(kind) ?? takeShelf(kind, byId);
      this.#shelves.set(kind, shelf);
      return shelf;
    });
    shelves.sort((left, right) => (left.kind < right.kind ? -1 : 1));
    const hash = contentHash(shelves.map((shelf) => shelf.hash).join('\n'));
    const problems = shelves.map((shelf) => shelf.problems).filter(({ length }) => length > 0);
    this.#inventory = { ...inventoryOf(shelves), namespace: this.#namespace, shelves, problems, hash };
    return this.#inventory;
  }

  #touch({ ref: { kind } }: SourcedObject): Map<string, readonly SourcedObject[]> {
    this.#inventory = undefined;
    this.#shelves.delete(kind);
    const byId = this.#objects.get(kind) ?? new Map<string, readonly SourcedObject[]>();
    this.#objects.set(kind, byId);
    return byId;
  }
}

/** What came in the place of its like has neither gone nor come. */
function withoutRepeats({ gone, come }: Difference<SourcedObject>): Difference<SourcedObject> {
  const left = Map.groupBy(gone, ({ id }) => id);
  const changed = come.filter((object) => {
    const candidates = left.get(object.id) ?? [];
    const index = candidates.findIndex((each) => saysTheSame(each, object));
    if (index >= 0) candidates.splice(index, 1);
    return index < 0;
  });
  return { gone: [...left.values()].flat(), come: changed };
}

function saysTheSame(left: SourcedObject, right: SourcedObject): boolean {
  return (
    left === right ||
    (left.kind === right.kind &&
      left.id === right.id &&
      left.ref.namespace === right.ref.namespace &&
      left.hash === right.hash &&
      left.where.file === right.where.file &&
      left.where.line === right.where.line &&
      hasSameLines(left, right))
  );
}

function hasSameLines({ lines: left }: SourcedObject, { lines: right }: SourcedObject): boolean {
  if (left === right) return true;
  return left.size === right.size && [...left].every(([path, line]) => right.get(path) === line);
}
