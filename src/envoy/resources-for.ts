/**
 * The whole configuration of one proxy, from what it may know and what it proves itself with.
 *
 *   ProxyView + ProxyTrust ──▶ its station + one way for each port it may dial + endpoints + ways out + its own routes
 *
 * One listener, cluster, route and secret per thing: a bad one is refused alone, and one change moves one resource. Each
 * part depends on little (proxy-parts.ts), so that proxies which agree in it can be given the very same.
 */
import type { ProxyView } from '../policy/view.ts';
import { stationClusters, wayCluster } from './cluster.ts';
import { evidenceEndpoint, loadAssignment } from './endpoint.ts';
import { extensionsOf } from './extension.ts';
import { externalResources } from './external-service.ts';
import { inspectionOf } from './inspection-listener.ts';
import { stationListeners, wayListeners } from './listener.ts';
import { type Platform, platformOf } from './platform.ts';
import type { Caller, Station, Way } from './proxy-parts.ts';
import type { ProxyTrust } from './proxy-trust.ts';
import type { EnvoyResource } from './resource.ts';
import { inboundRoutes, wayRoute } from './route.ts';
import { runtimeOf } from './runtime.ts';
import { stationSecrets, waySecret } from './secret.ts';
import { statisticsOf } from './statistics-listener.ts';
import { tracesClusterOf } from './tracing.ts';

export function resourcesFor(view: ProxyView, trust: ProxyTrust, common: Platform): readonly EnvoyResource[] {
  const { workload, outbound, external } = view;
  return [
    ...stationResources(view, trust, common),
    ...inboundRoutes(view),
    ...outbound.flatMap((port) => [...wayResources(view, port, trust, common), ...loadAssignment(port)]),
    ...external.flatMap((each) => externalResources(each, workload.capture, platformOf(workload, common))),
  ];
}

export function stationResources(station: Station, trust: ProxyTrust, common: Platform): readonly EnvoyResource[] {
  const platform = platformOf(station.workload, common);
  return [
    runtimeOf(),
    ...stationSecrets(station, trust),
    ...stationClusters(station, platform),
    ...tracesClusterOf(station, platform),
    evidenceEndpoint(platform.evidence),
    ...stationListeners(station),
    ...inspectionOf(station, platform),
    ...statisticsOf(station, platform),
    ...extensionsOf(station),
  ];
}

/** All that leads to one service port but its endpoints. */
export function wayResources(
  caller: Caller,
  way: Way,
  trust: Pick<ProxyTrust, 'bundles'>,
  common: Platform,
): readonly EnvoyResource[] {
  return [
    ...waySecret(way, trust),
    ...wayCluster(caller, way, platformOf(caller.workload, common)),
    ...wayListeners(caller, way),
    ...wayRoute(way),
  ];
}
