/** What a policy for one workload would select beside it, since a policy selects by labels. */
import type { Snapshot } from '../model/snapshot.ts';
import type { ConsideredPort } from './considered.ts';
import { viewOf } from './view.ts';

export interface SelectedBeside {
  readonly key: string;
  /** By the tenant's default, which one allow rule ends. */
  readonly open: boolean;
}

/** Workloads that carry the same labels and have that port, and are no replica behind the service that is called. */
export function selectedBeside(
  snapshot: Snapshot,
  { workload, inbound, servicePort }: ConsideredPort,
): readonly SelectedBeside[] {
  const replicas = new Set(servicePort.endpoints.map((endpoint) => endpoint.workload));
  return [...snapshot.workloads.values()]
    .filter((other) => other.tenant === workload.tenant && other.key !== workload.key)
    .filter((other) => [...workload.labels].every(([label, value]) => other.labels.get(label) === value))
    .flatMap((other) => {
      const port = viewOf(snapshot, other, 0).inbound.find((each) => each.port === inbound.port);
      if (port === undefined) return [];
      const open = port.policy.allow.some(({ name }) => name.startsWith('tenant/'));
      return open || !replicas.has(other.key) ? [{ key: other.key, open }] : [];
    });
}
