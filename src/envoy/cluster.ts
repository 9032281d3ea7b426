/**
 * Clusters: the application behind this sidecar, each service this workload may dial, and who gives verdicts.
 *
 * A service's cluster trusts exactly the identities that stand behind it, so a hijacked endpoint answers to nobody.
 */
import { create } from '@bufbuild/protobuf';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { hasServers } from '../policy/outbound-view.ts';
import { tcpAddress } from './address.ts';
import { bypassOption, http2Only } from './cluster-options.ts';
import { authzClusterOf } from './ext-authz.ts';
import { applicationCluster, serversSecret, serviceCluster, sniOf } from './names.ts';
import type { Platform } from './platform.ts';
import { type Caller, type Door, type Fixture, isOpen, type Station, type Way } from './proxy-parts.ts';
import { durationOf, type EnvoyResource, resource } from './resource.ts';
import { fromAds, upstreamTls } from './tls.ts';
import { circuitBreakers, outlierDetection } from './traffic.ts';

/** Of the application on loopback, in ms. */
const connectTimeoutMs = 1_000;

/** Of the application, one for each of its ports. */
export function applicationClusters(station: Station, platform: Platform): readonly EnvoyResource[] {
  return station.inbound.filter(isOpen).map((port) => clusterResource(application(station, port, platform)));
}

/** Of who gives verdicts, where anybody asks for one. */
export function verdictCluster({ asksForVerdicts }: Fixture, platform: Platform): readonly EnvoyResource[] {
  return asksForVerdicts ? [clusterResource(authzClusterOf(platform))] : [];
}

/** None for a service that nobody stands behind. */
export function wayCluster(caller: Caller, way: Way, platform: Platform): readonly EnvoyResource[] {
  return hasServers(way) ? [clusterResource(service(caller, way, platform))] : [];
}

function clusterResource(cluster: Cluster): EnvoyResource {
  return resource(ClusterSchema, cluster.name, cluster);
}

function application({ workload }: Station, { port, protocol }: Door, platform: Platform): Cluster {
  const name = applicationCluster(port);
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationOf(connectTimeoutMs),
    loadAssignment: create(ClusterLoadAssignmentSchema, {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: 'endpoint',
                value: { address: tcpAddress(workload.applicationAddress, port) },
              },
            },
          ],
        },
      ],
    }),
    ...bypassOption(platform.bypass),
    ...(protocol === 'http2' ? { typedExtensionProtocolOptions: http2Only() } : {}),
  });
}

function service({ workload }: Caller, outbound: Way, platform: Platform): Cluster {
  const http = outbound.protocol !== 'tcp';
  return create(ClusterSchema, {
    name: serviceCluster(outbound),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: fromAds() },
    connectTimeout: durationOf(outbound.traffic.timeouts.connectMs),
    circuitBreakers: circuitBreakers(outbound.traffic),
    outlierDetection: outlierDetection(outbound.traffic),
    transportSocket: upstreamTls(serversSecret(outbound), sniOf(workload.tenant), http ? ['h2'] : []),
    ...bypassOption(platform.bypass),
    ...(http ? { typedExtensionProtocolOptions: http2Only() } : {}),
  });
}
