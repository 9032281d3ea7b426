import type { Snapshot, Workload } from '../../src/model/snapshot.ts';
import { viewOf } from '../../src/policy/view.ts';

/** Somebody, and a port of somebody else that could be called. */
export interface WorkloadPair {
  readonly caller: Workload;
  readonly callee: Workload;
  readonly port: number;
  readonly opaque: boolean;
}

/** Each of a mesh. */
export function workloadPairs(snapshot: Snapshot, nowMs: number): readonly WorkloadPair[] {
  const workloads = [...snapshot.workloads.values()];
  return workloads.flatMap((callee) =>
    viewOf(snapshot, callee, nowMs).inbound.flatMap(({ port, protocol }) =>
      workloads
        .filter((caller) => caller !== callee)
        .map((caller) => ({ caller, callee, port, opaque: protocol === 'tcp' })),
    ),
  );
}
