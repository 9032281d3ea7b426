/**
 * What each tenant loses where Coffre is taken out of a cluster: told before it is done, because no pod that
 * runs can take it back.
 *
 *   Tenants, Pods with a sidecar, what their people wrote ──▶ one line for each tenant
 */
import { revisionLabel } from '../inject/names.ts';
import type { KubeObject } from '../objects.ts';

export interface Loss {
  readonly tenant: string;
  /** With a sidecar, which fails closed. */
  readonly pods: number;
  /** Objects by which they consented and allowed: they stay, and nobody reads them. */
  readonly written: number;
}

/** Of a pod that runs, and of what people wrote, only whose it is. */
export function lossesOf(
  tenants: readonly KubeObject[],
  pods: readonly KubeObject[],
  written: readonly KubeObject[],
): readonly Loss[] {
  const injected = countByNamespace(pods.filter(({ metadata }) => metadata.labels?.[revisionLabel] !== undefined));
  const objects = countByNamespace(written);
  return tenants
    .map(({ metadata: { name } }) => ({
      tenant: name,
      pods: injected.get(name) ?? 0,
      written: objects.get(name) ?? 0,
    }))
    .toSorted((a, b) => (a.tenant < b.tenant ? -1 : 1));
}

function countByNamespace(objects: readonly KubeObject[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { metadata } of objects)
    counts.set(metadata.namespace ?? '', (counts.get(metadata.namespace ?? '') ?? 0) + 1);
  return counts;
}
