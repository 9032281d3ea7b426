/**
 * The whole configuration of one proxy, from what it may know and what it proves itself with.
 *
 *   ProxyView + ProxyTrust ──▶ secrets, clusters, endpoints, listeners, routes, extensions, runtime
 *
 * One listener, cluster, route and secret per thing: a bad one is refused alone, and one change moves one resource.
 */
import type { ProxyView } from '../policy/view.ts';
import { clustersOf } from './cluster.ts';
import { endpointsOf } from './endpoint.ts';
import { extensionsOf } from './extension.ts';
import { externalResources } from './external-service.ts';
import { inspectionOf } from './inspection-listener.ts';
import { listenersOf } from './listener.ts';
import { type Platform, platformOf } from './platform.ts';
import type { ProxyTrust } from './proxy-trust.ts';
import type { EnvoyResource } from './resource.ts';
import { routesOf } from './route.ts';
import { runtimeOf } from './runtime.ts';
import { secretsOf } from './secret.ts';
import { statisticsOf } from './statistics-listener.ts';
import { tracesClusterOf } from './tracing.ts';

export function resourcesFor(view: ProxyView, trust: ProxyTrust, common: Platform): readonly EnvoyResource[] {
  const platform = platformOf(view.workload, common);
  return [
    runtimeOf(),
    ...secretsOf(view, trust),
    ...clustersOf(view, platform),
    ...tracesClusterOf(view, platform),
    ...endpointsOf(view, platform),
    ...listenersOf(view),
    ...inspectionOf(view, platform),
    ...statisticsOf(view, platform),
    ...routesOf(view),
    ...extensionsOf(view),
    ...externalResources(view, platform),
  ];
}
