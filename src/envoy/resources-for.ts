/**
 * The whole configuration of one proxy, from what it may know and what it proves itself with.
 *
 *   ProxyView + ProxyTrust ──▶ fixtures + station + a way for each port it may dial + endpoints + ways out + its own routes
 *
 * One listener, cluster, route and secret per thing: a bad one is refused alone, and one change moves one resource. Each
 * part depends on little (proxy-parts.ts), so that proxies which agree in it can be given the very same.
 */
import { asksForVerdicts, type ProxyView } from '../policy/view.ts';
import { applicationClusters, verdictCluster, wayCluster } from './cluster.ts';
import { evidenceEndpoint, loadAssignment, workersAssignment } from './endpoint.ts';
import { extensionsOf } from './extension.ts';
import { externalResources } from './external-service.ts';
import { inspectionOf } from './inspection-listener.ts';
import { catchingListeners, stationListeners, wayListeners } from './listener.ts';
import { type Platform, platformOf } from './platform.ts';
import type { Caller, Fixture, Station, Way } from './proxy-parts.ts';
import type { ProxyTrust } from './proxy-trust.ts';
import type { EnvoyResource } from './resource.ts';
import { inboundRoutes, wayRoute } from './route.ts';
import { runtimeOf } from './runtime.ts';
import { doorSecrets, fixtureSecrets, identitySecretOf, waySecret } from './secret.ts';
import { statisticsOf } from './statistics-listener.ts';
import { tracesClusterOf } from './tracing.ts';

export function resourcesFor(view: ProxyView, trust: ProxyTrust, common: Platform): readonly EnvoyResource[] {
  const { workload, outbound, external } = view;
  return [
    identitySecretOf(trust),
    ...fixtureResources({ ...view, asksForVerdicts: asksForVerdicts(view) }, trust, common),
    ...(asksForVerdicts(view) ? [workersAssignment(common.authz)] : []),
    ...doorSecrets(view, trust),
    ...stationClusters(view, common),
    ...stationListeners(view),
    ...extensionsOf(view),
    ...inboundRoutes(view),
    ...outbound.flatMap((port) => [...wayResources(view, port, trust, common), ...loadAssignment(port)]),
    ...external.flatMap((each) => externalResources(each, workload.capture, platformOf(workload, common))),
  ];
}

/** What every proxy has, but where the authorization workers are: they come and go. */
export function fixtureResources(
  fixture: Fixture,
  trust: Pick<ProxyTrust, 'rootPem' | 'bundles'>,
  common: Platform,
): readonly EnvoyResource[] {
  const platform = platformOf(fixture.workload, common);
  return [
    runtimeOf(),
    ...fixtureSecrets(fixture, trust),
    ...verdictCluster(fixture, platform),
    ...tracesClusterOf(fixture, platform),
    evidenceEndpoint(platform.evidence),
    ...inspectionOf(fixture, platform),
    ...statisticsOf(fixture, platform),
    ...catchingListeners(fixture),
  ];
}

/** The application itself, by each port of it that is declared. */
export function stationClusters(station: Station, common: Platform): readonly EnvoyResource[] {
  return applicationClusters(station, platformOf(station.workload, common));
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
