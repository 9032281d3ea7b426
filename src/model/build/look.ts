/** What one look at the sources begins with, and who is told what it cost. */
import type { Kind } from '../kinds/catalogue.ts';
import { type InventoryList, type NamespaceInventory, wholeMesh } from './inventories.ts';
import { inventoryOf } from './inventory.ts';
import type { Versioned } from './part.ts';

export interface Look {
  /** Where an object came, went or changed. */
  readonly inventories: Versioned;
  /** Sorted as keys that begin with `namespace/` are. */
  readonly namespaces: readonly NamespaceInventory[];
  /** Of what is in no namespace. */
  readonly cluster: NamespaceInventory;
  /** The namespaces that hold an object of the kind, valid or not, sorted. */
  having(kind: Kind): readonly NamespaceInventory[];
  /** Epoch ms; absent where nothing is to expire. */
  readonly nowMs: number | undefined;
}

/** What a look cost, counted; it changes nothing. */
export interface BuildCounters {
  /** A part of a namespace, or of the whole mesh, was built again. */
  built(part: string, namespace: string): void;
}

const emptyCluster: NamespaceInventory = {
  ...inventoryOf([]),
  namespace: wholeMesh,
  shelves: [],
  problems: [],
  hash: '',
};

export function lookOf(inventories: InventoryList, nowMs: number | undefined): Look {
  const namespaces = inventories.all.filter(({ namespace }) => namespace !== wholeMesh);
  const byKind = new Map<string, NamespaceInventory[]>();
  for (const inventory of namespaces) {
    for (const { kind } of inventory.shelves) {
      const having = byKind.get(kind);
      if (having === undefined) byKind.set(kind, [inventory]);
      else having.push(inventory);
    }
  }
  return {
    inventories,
    namespaces,
    cluster: inventories.all.find(({ namespace }) => namespace === wholeMesh) ?? emptyCluster,
    having: (kind) => byKind.get(kind) ?? [],
    nowMs,
  };
}
