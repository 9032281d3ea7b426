/**
 * All that may be a reason to shut something, as hashes: equal ones, and nothing was tightened in between.
 *
 *   places          where requests of whom may go: the mesh, every tenant, and who is under quarantine
 *   of(workload)    who may come in there: the policies that select it, and its tenant's grants that live
 *
 * It is coarse on purpose. A right that was added changes them as well, and then a handover is less careful for once;
 * a rule for what tightens, and what does not, would have to be right every time.
 * Most looks ask for none of it, so that nothing is worked out before it is asked for, and each object is read once.
 */
import { contentHash } from '../model/canonical-json.ts';
import type { AccessPolicy, Snapshot, Workload } from '../model/snapshot.ts';
import { liveGrants } from '../policy/live-grants.ts';
import { saidText } from './said-text.ts';

export interface Rights {
  readonly places: string;
  of(workload: Workload): string;
}

/** @param nowMs epoch ms at which grants are judged dead or alive. */
export function rightsOf(snapshot: Snapshot, nowMs: number): Rights {
  const { mesh, tenants, policies, quarantines } = snapshot;
  let places: string | undefined;
  let grantsOf: ReadonlyMap<string, string> | undefined;
  return {
    get places() {
      places ??= [mesh, ...tenants.values(), ...quarantines.values()].map(hashOf).join(' ');
      return places;
    },
    of({ tenant, labels }) {
      grantsOf ??= new Map(
        [...Map.groupBy(liveGrants(snapshot, nowMs), (grant) => grant.tenant)].map(
          ([name, all]) => [name, all.map(hashOf).join(' ')] as const,
        ),
      );
      const selecting = (byTenant(policies).get(tenant) ?? []).filter(({ selector }) =>
        [...selector].every(([label, value]) => labels.get(label) === value),
      );
      return `${grantsOf.get(tenant) ?? ''} / ${selecting.map(hashOf).join(' ')}`;
    },
  };
}

/** By the snapshot's own map, which is the very same value until a policy is another. */
const grouped = new WeakMap<Snapshot['policies'], ReadonlyMap<string, readonly AccessPolicy[]>>();

function byTenant(policies: Snapshot['policies']): ReadonlyMap<string, readonly AccessPolicy[]> {
  const known = grouped.get(policies);
  if (known !== undefined) return known;
  const made = Map.groupBy(policies.values(), ({ tenant }) => tenant);
  grouped.set(policies, made);
  return made;
}

/** By object of the snapshot: a value never changes. */
const hashes = new WeakMap<object, string>();

function hashOf(value: object): string {
  const known = hashes.get(value);
  if (known !== undefined) return known;
  const hash = contentHash(saidText(value));
  hashes.set(value, hash);
  return hash;
}
