/**
 * A cluster that was sent again warms anew and waits for its endpoints, though they did not change.
 *
 *   cluster sent ──▶ its endpoints are due ──▶ EDS, behind CDS on the wire and before its ACK, which waits for them
 *
 * The client may ask for them before or after: what is due is remembered until then, and forgotten with the cluster.
 * Source: Envoy docs, api-docs/xds_protocol, "Resource warming"; envoy issue 13009.
 */
import type { Resource } from './resource.ts';
import { wants } from './subscription.ts';
import type { Held, TypeState } from './type-state.ts';

export function warmed(
  endpoints: TypeState,
  before: ReadonlyMap<string, Held>,
  clusters: readonly Resource[],
  removed: readonly string[],
): TypeState {
  const due = new Set(endpoints.due);
  for (const name of removed) {
    const cluster = before.get(name);
    const endpointsName = cluster !== undefined && 'any' in cluster ? endpointsNameOf(cluster) : name;
    if (!wants(endpoints.subscription, endpointsName)) due.delete(endpointsName);
  }
  for (const cluster of clusters) {
    if (before.get(cluster.name)?.version !== cluster.version) due.add(endpointsNameOf(cluster));
  }
  return { ...endpoints, due, settledOn: undefined };
}

function endpointsNameOf({ endpointsName, name }: Resource): string {
  return endpointsName ?? name;
}
