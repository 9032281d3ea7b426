/**
 * What of a view goes out: the service ports of the own tenant, and those that a live grant opens.
 *
 * Of the workload itself it depends on the grants that speak of it, and on nothing else: workloads of one tenant of which
 * the same grants speak may dial the same.
 */
import { compareText } from '../model/canonical-json.ts';
import { isAllowedIn } from '../model/locality.ts';
import type { ExternalService, Grant, Service, ServicePort, Snapshot, Tenant, Workload } from '../model/snapshot.ts';
import { type HeadlessPort, podPorts } from './headless.ts';
import { leadsTo, speaksOf } from './live-grants.ts';
import type { Moment } from './moment.ts';
import { placeOf, rulesFor } from './routing.ts';
import { trafficOf } from './traffic.ts';
import type { OutboundEndpoint, OutboundPort } from './view.ts';

/** Gives again what was made before of the very same inputs, whoever of one tenant it was made for. */
export type RememberPort = (place: string, inputs: readonly unknown[], make: () => OutboundPort) => OutboundPort;

/** @returns sorted by service, then port, then pod. */
export function outboundOf(
  now: Moment,
  workload: Workload,
  remember: RememberPort = (_place, _inputs, make) => make(),
): readonly OutboundPort[] {
  const { snapshot, traffic, routes } = now;
  const caller = snapshot.tenants.get(workload.tenant);
  if (caller === undefined || snapshot.quarantines.has(workload.spiffeId)) return [];
  const granted = grantsOf(now, workload);
  const outbound: OutboundPort[] = [];
  const headless: HeadlessPort[] = [];
  for (const service of snapshot.services.values()) {
    for (const servicePort of service.ports) {
      const own = service.tenant === workload.tenant;
      if (!own && !granted.some((grant) => leadsTo(grant, service, servicePort))) continue;
      if (service.headless) {
        headless.push({ service, servicePort });
        continue;
      }
      const behind = servicePort.endpoints.map((endpoint) => snapshot.workloads.get(endpoint.workload));
      const workloads = behind.map((each) => (isCutOff(snapshot, each) ? undefined : each));
      const owner = snapshot.tenants.get(service.tenant);
      const place = placeOf({ service: service.key, port: servicePort.port });
      // Without a name to expect there is nobody to trust: a service nobody stands behind has no cluster.
      if (!workloads.some((each) => each !== undefined) && !routes.has(place)) continue;
      outbound.push(
        remember(place, [caller, owner, service, traffic.get(place), ...behind, ...workloads], () => ({
          service: service.key,
          tenant: service.tenant,
          port: servicePort.port,
          protocol: servicePort.protocol,
          virtualIps: service.virtualIps,
          endpoints: endpointsFor(snapshot, caller, service, servicePort),
          serverSpiffeIds: serversOf(workloads),
          ...cutOffFrom(snapshot, servicePort, behind),
          traffic: trafficOf(traffic, service.key, servicePort),
          rules: [],
        })),
      );
    }
  }
  const reachable = new Set(outbound.filter((port) => port.protocol !== 'tcp' && hasServers(port)).map(placeOf));
  const routed = outbound.map((port) =>
    routes.has(placeOf(port)) ? { ...port, rules: rulesFor(routes, port, reachable) } : port,
  );
  return [...routed, ...podPorts(snapshot, headless, caller, traffic)].sort(
    (left, right) =>
      compareText(left.service, right.service) ||
      left.port - right.port ||
      compareText(left.pod ?? '', right.pod ?? ''),
  );
}

/** The ways out of the mesh: none of who is cut off, as far as its own sidecar keeps it. */
export function externalOf(
  { externalServices, quarantines }: Snapshot,
  { tenant, spiffeId }: Pick<Workload, 'tenant' | 'spiffeId'>,
): readonly ExternalService[] {
  return quarantines.has(spiffeId) ? [] : (externalServices.get(tenant) ?? []);
}

function isCutOff({ quarantines }: Snapshot, workload: Workload | undefined): boolean {
  return workload !== undefined && quarantines.has(workload.spiffeId);
}

/** Requests go elsewhere with the endpoints; a connection of bytes stays where it is until somebody ends it. */
function cutOffFrom(
  snapshot: Snapshot,
  { protocol }: ServicePort,
  behind: readonly (Workload | undefined)[],
): Pick<OutboundPort, 'cutOff'> {
  const cutOff = protocol === 'tcp' ? serversOf(behind.filter((each) => isCutOff(snapshot, each))) : [];
  return cutOff.length === 0 ? {} : { cutOff };
}

/** Equal for workloads of one tenant that may dial the same; where their application dials it, is another matter. */
export function outboundKey(now: Moment, workload: Workload): string {
  const isHeldBack = now.snapshot.quarantines.has(workload.spiffeId);
  return JSON.stringify([grantsOf(now, workload).map(({ key }) => key), isHeldBack]);
}

export function hasServers({ serverSpiffeIds }: Pick<OutboundPort, 'serverSpiffeIds'>): boolean {
  return serverSpiffeIds.length > 0;
}

function grantsOf({ snapshot, grants }: Moment, workload: Workload): readonly Grant[] {
  return grants.filter((grant) => speaksOf(snapshot, grant, workload));
}

/** A place that either side does not allow is left out, rather than kept for the day the others are gone. */
function endpointsFor(
  snapshot: Snapshot,
  caller: Tenant,
  service: Service,
  { endpoints }: ServicePort,
): readonly OutboundEndpoint[] {
  const owner = snapshot.tenants.get(service.tenant);
  return endpoints.flatMap((endpoint) => {
    const workload = snapshot.workloads.get(endpoint.workload);
    const locality = isCutOff(snapshot, workload) ? undefined : workload?.locality;
    if (!endpoint.ready || locality === undefined || owner === undefined) return [];
    return isAllowedIn(caller, locality) && isAllowedIn(owner, locality) ? [{ ...endpoint, locality }] : [];
  });
}

function serversOf(workloads: readonly (Workload | undefined)[]): readonly string[] {
  return [...new Set(workloads.flatMap((workload) => workload?.spiffeId ?? []))].sort();
}
