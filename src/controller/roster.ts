/**
 * Who is in the mesh, from one look to the next: what the CA is to issue, and who has left.
 *
 *   snapshot ──▶ the very same answer as before, where nobody came, left or became somebody else
 *
 * A look at ten thousand workloads of which one moved costs one walk along those of its namespace: no name is looked up, and no
 * list is made.
 */
import type { WantedIdentities } from '../identity/authority.ts';
import { differingParts } from '../model/joined-map.ts';
import type { Snapshot } from '../model/snapshot.ts';

type Workloads = Snapshot['workloads'];

const nobody: readonly string[] = [];

export class Roster {
  /** Those of the last answer about identities. */
  #seen: Pick<Snapshot, 'tenants' | 'workloads' | 'quarantines'> | undefined;
  #wanted: WantedIdentities | undefined;
  /** Those of the last answer about who has left. */
  #present: Workloads | undefined;

  wanted({ tenants, workloads, quarantines, mesh: { leafLifetimeMs } }: Snapshot): WantedIdentities {
    const [seen, before] = [this.#seen, this.#wanted];
    this.#seen = { tenants, workloads, quarantines };
    if (seen?.quarantines === quarantines && before?.leafLifetimeMs === leafLifetimeMs) {
      if (haveSameKeys(seen.tenants, tenants) && haveSameIdentities(seen.workloads, workloads)) return before;
    }
    const spiffeIds = new Set<string>();
    for (const { spiffeId } of workloads.values()) spiffeIds.add(spiffeId);
    const withheld = [...quarantines.keys()].filter((spiffeId) => spiffeIds.has(spiffeId));
    this.#wanted = { tenants: [...tenants.keys()], spiffeIds: [...spiffeIds], withheld, leafLifetimeMs };
    return this.#wanted;
  }

  /** Workloads that were there when this was asked last, and are not any more. */
  gone({ workloads }: Snapshot): readonly string[] {
    const before = this.#present;
    this.#present = workloads;
    if (before === undefined || haveSameKeys(before, workloads)) return nobody;
    return [...before.keys()].filter((key) => !workloads.has(key));
  }
}

/** In the same order: maps of one mesh are made in one order, and another order is only a longer way to the same answer. */
function haveSameKeys(some: ReadonlyMap<string, unknown>, others: ReadonlyMap<string, unknown>): boolean {
  return differingParts(some, others).every(([part, otherPart]) => {
    if (part.size !== otherPart.size) return false;
    const theirs = otherPart.keys();
    for (const key of part.keys()) if (key !== theirs.next().value) return false;
    return true;
  });
}

function haveSameIdentities(some: Workloads, others: Workloads): boolean {
  return differingParts(some, others).every(([part, otherPart]) => {
    if (part.size !== otherPart.size) return false;
    const theirs = otherPart.values();
    for (const workload of part.values()) {
      const other = theirs.next().value;
      if (workload !== other && workload.spiffeId !== other?.spiffeId) return false;
    }
    return true;
  });
}
