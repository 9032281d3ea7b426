/**
 * All that may be a reason to shut something, as text: equal texts, and nothing was tightened in between.
 *
 *   places        where requests of whom may go: every tenant
 *   of(tenant)    who may come in there: its policies, its grants that live, and the places
 *
 * It is coarse on purpose. A right that was added changes the text as well, and then a handover is less careful for once;
 * a rule for what tightens, and what does not, would have to be right every time.
 */
import type { Snapshot } from '../model/snapshot.ts';
import { liveGrants } from '../policy/live-grants.ts';

export interface Rights {
  readonly places: string;
  of(tenant: string): string;
}

/** @param nowMs epoch ms at which grants are judged dead or alive. */
export function rightsOf(snapshot: Snapshot, nowMs: number): Rights {
  const places = text([snapshot.mesh, snapshot.tenants]);
  const policies = Map.groupBy(snapshot.policies.values(), ({ tenant }) => tenant);
  const grants = Map.groupBy(liveGrants(snapshot, nowMs), ({ tenant }) => tenant);
  const known = new Map<string, string>();
  return {
    places,
    of(tenant) {
      const before = known.get(tenant);
      if (before !== undefined) return before;
      const rights = `${places} ${text([policies.get(tenant), grants.get(tenant)])}`;
      known.set(tenant, rights);
      return rights;
    },
  };
}

/** Where something is written does not matter. */
function text(value: unknown): string {
  return JSON.stringify(value, (field, part: unknown) => {
    if (field === 'where') return undefined;
    return part instanceof Map || part instanceof Set ? [...part] : part;
  });
}
