/**
 * Where a workload runs, and whether a tenant's requests may go there.
 *
 * A pod that was put on a node is where that node says it is, and nowhere else: the labels of a pod are its author's
 * own words. Only a pod without a node (a folder of YAML) speaks for itself.
 * A tenant that names its regions or zones refuses a place that nobody named.
 */
import type { NodeObject } from './kinds/node.ts';
import type { PodObject } from './kinds/pod.ts';
import type { Locality, Tenant } from './snapshot.ts';

/** Source: Kubernetes, well-known labels. */
const regionLabel = 'topology.kubernetes.io/region';
const zoneLabel = 'topology.kubernetes.io/zone';

/** @param nodes by name. */
export function localityOf({ metadata, spec }: PodObject, nodes: ReadonlyMap<string, NodeObject>): Locality {
  const labels = spec.nodeName === undefined ? metadata.labels : nodes.get(spec.nodeName)?.metadata.labels;
  return { region: labels?.[regionLabel] ?? '', zone: labels?.[zoneLabel] ?? '' };
}

export function isAllowedIn(
  { allowedRegions, allowedZones }: Pick<Tenant, 'allowedRegions' | 'allowedZones'>,
  { region, zone }: Locality,
): boolean {
  return (
    (allowedRegions.size === 0 || allowedRegions.has(region)) && (allowedZones.size === 0 || allowedZones.has(zone))
  );
}
