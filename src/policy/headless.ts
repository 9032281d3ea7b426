/**
 * Pods that are dialled by their own address: what a headless service is to its callers.
 *
 *   headless services ──▶ (pod, port), each once ──▶ OutboundPort with one endpoint and one name to expect
 *
 * Two headless services over the same pods lead to the same places, so the first of them in order gives its name.
 * A pod that is not ready is dialled all the same: readiness chooses between pods, and here the caller has chosen.
 */
import { isAllowedIn } from '../model/locality.ts';
import type { Service, ServicePort, Snapshot, Tenant } from '../model/snapshot.ts';
import { type TrafficIndex, trafficOf } from './traffic.ts';
import type { OutboundPort } from './view.ts';

export interface HeadlessPort {
  readonly service: Service;
  readonly servicePort: ServicePort;
}

/** @param ports sorted by service. @param caller whose requests go there. */
export function podPorts(
  snapshot: Snapshot,
  ports: readonly HeadlessPort[],
  caller: Tenant,
  traffic: TrafficIndex,
): readonly OutboundPort[] {
  const byPlace = new Map<string, OutboundPort>();
  for (const { service, servicePort } of ports) {
    for (const endpoint of servicePort.endpoints) {
      const workload = snapshot.workloads.get(endpoint.workload);
      const owner = snapshot.tenants.get(service.tenant);
      const place = `${endpoint.workload} ${endpoint.port}`;
      if (workload === undefined || owner === undefined || byPlace.has(place)) continue;
      if (snapshot.quarantines.has(workload.spiffeId)) continue;
      const { locality } = workload;
      if (!isAllowedIn(caller, locality) || !isAllowedIn(owner, locality)) continue;
      byPlace.set(place, {
        service: service.key,
        pod: workload.key,
        tenant: service.tenant,
        port: endpoint.port,
        protocol: servicePort.protocol,
        virtualIps: workload.addresses,
        endpoints: [{ ...endpoint, locality }],
        serverSpiffeIds: [workload.spiffeId],
        traffic: trafficOf(traffic, service.key, servicePort),
        // A route chooses between services; here the caller has chosen a pod.
        rules: [],
      });
    }
  }
  return [...byPlace.values()];
}
