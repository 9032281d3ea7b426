/**
 * All that may be a reason to shut something, as hashes: equal ones, and nothing was tightened in between.
 *
 *   places          where requests of whom may go: the mesh and every tenant
 *   of(workload)    who may come in there: the policies that select it, and its tenant's grants that live
 *
 * It is coarse on purpose. A right that was added changes them as well, and then a handover is less careful for once;
 * a rule for what tightens, and what does not, would have to be right every time.
 */
import { contentHash } from '../model/canonical-json.ts';
import type { Snapshot, Workload } from '../model/snapshot.ts';
import { liveGrants } from '../policy/live-grants.ts';

export interface Rights {
  readonly places: string;
  of(workload: Workload): string;
}

/** @param nowMs epoch ms at which grants are judged dead or alive. */
export function rightsOf(snapshot: Snapshot, nowMs: number): Rights {
  const places = hash([snapshot.mesh, snapshot.tenants]);
  const policies = [...snapshot.policies.values()].map((policy) => ({ ...policy, hash: hash(policy) }));
  const policiesOf = Map.groupBy(policies, ({ tenant }) => tenant);
  const grants = Map.groupBy(liveGrants(snapshot, nowMs), ({ tenant }) => tenant);
  const grantsOf = new Map([...grants].map(([tenant, all]) => [tenant, hash(all)]));
  return {
    places,
    of({ tenant, labels }) {
      const selecting = (policiesOf.get(tenant) ?? []).filter(({ selector }) =>
        [...selector].every(([label, value]) => labels.get(label) === value),
      );
      return [grantsOf.get(tenant) ?? '', ...selecting.map((each) => each.hash)].join(' ');
    },
  };
}

/** Where something is written does not matter. */
function hash(value: unknown): string {
  const text = JSON.stringify(value, (field, part: unknown) => {
    if (field === 'where') return undefined;
    return part instanceof Map || part instanceof Set ? [...part] : part;
  });
  return contentHash(text);
}
