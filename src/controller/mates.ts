/** Which proxies are alike: those with the same entitlements, and so with the same configuration up to their own names. */
import type { Workload } from '../model/snapshot.ts';

/** By workload: a value never changes, and is asked about at every edit of what its proxy is told. */
const known = new WeakMap<Workload, string>();

/** Equal for workloads that every policy, grant and route treats alike. */
export function matesOf(workload: Workload): string {
  const before = known.get(workload);
  if (before !== undefined) return before;
  const { tenant, serviceAccount, labels, capture } = workload;
  const mates = JSON.stringify([tenant, serviceAccount, capture, [...labels].sort()]);
  known.set(workload, mates);
  return mates;
}
