/** Grants that live at a moment, and what one of them opens to whom. */
import type { Grant, Service, ServicePort, Snapshot, Workload } from '../model/snapshot.ts';
import { spiffeIdPrefix } from '../model/spiffe-id.ts';

export function liveGrants(snapshot: Snapshot, nowMs: number): readonly Grant[] {
  return [...snapshot.grants.values()].filter((grant) => grant.notAfterMs === undefined || nowMs < grant.notAfterMs);
}

export function leadsTo(grant: Grant, service: Service, servicePort: ServicePort): boolean {
  return grant.to.service === service.key && grant.to.ports.includes(servicePort.port);
}

export function speaksOf(snapshot: Snapshot, { from }: Grant, workload: Workload): boolean {
  if (from.spiffeIds.length > 0) return from.spiffeIds.includes(workload.spiffeId);
  return workload.spiffeId.startsWith(spiffeIdPrefix(snapshot.mesh.trustDomain, from.tenant));
}
