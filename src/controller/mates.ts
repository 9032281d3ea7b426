/** Which proxies are alike: those with the same entitlements, and so with the same configuration up to their own names. */
import type { Workload } from '../model/snapshot.ts';

/** Equal for workloads that every policy, grant and route treats alike. */
export function matesOf({ tenant, serviceAccount, labels, capture }: Workload): string {
  return JSON.stringify([tenant, serviceAccount, capture, [...labels].sort()]);
}
