/**
 * Clusters: the application behind this sidecar, and each service this workload may dial.
 *
 * A service's cluster trusts exactly the identities that stand behind it, so a hijacked endpoint answers to nobody.
 * Breaker limits stand here; a drill overrides them by runtime key and never by replacing the cluster.
 */
import { create } from '@bufbuild/protobuf';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { Http2ProtocolOptionsSchema } from '#gen/envoy/config/core/v3/protocol_pb.js';
import { SocketOption_SocketState, SocketOptionSchema } from '#gen/envoy/config/core/v3/socket_option_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { InboundPort, OutboundPort, ProxyView } from '../policy/view.ts';
import { tcpAddress } from './address.ts';
import { applicationCluster, serversSecret, serviceCluster, sniOf } from './names.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';
import { fromAds, upstreamTls } from './tls.ts';

const connectTimeoutMs = 1_000;

/** Breaker limits where no policy says otherwise; the numbers are Envoy's defaults, written out so that a reader sees them. */
const breakers = { maxConnections: 1_024, maxPendingRequests: 1_024, maxRequests: 1_024, maxRetries: 3 } as const;

/** With Envoy's default of 10 % a service of three endpoints could never eject one. */
const outliers = { consecutive5xx: 5, baseEjectionTimeMs: 30_000, ejectionPercentMax: 50 } as const;

/** How the sidecar's own connections are told from the application's, so that they are not captured again. */
export type CaptureBypass =
  /** By the user that Envoy runs as: nothing to say in the configuration. */
  | { readonly kind: 'user' }
  /** By a mark on every upstream socket; the only way where there is one user, and applications must be unable to set it. */
  | { readonly kind: 'mark'; readonly mark: number };

export function clustersOf(view: ProxyView, bypass: CaptureBypass): readonly EnvoyResource[] {
  return [
    ...view.inbound.map((port) => clusterResource(application(port, bypass))),
    ...view.outbound.map((port) => clusterResource(service(view, port, bypass))),
  ];
}

function clusterResource(cluster: Cluster): EnvoyResource {
  return resource(ClusterSchema, cluster.name, cluster);
}

function application({ port, protocol }: InboundPort, bypass: CaptureBypass): Cluster {
  const name = applicationCluster(port);
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationOf(connectTimeoutMs),
    loadAssignment: create(ClusterLoadAssignmentSchema, {
      clusterName: name,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: tcpAddress('127.0.0.1', port) } } }] },
      ],
    }),
    ...bypassOption(bypass),
    ...(protocol === 'http2' ? { typedExtensionProtocolOptions: http2Only() } : {}),
  });
}

function service(view: ProxyView, outbound: OutboundPort, bypass: CaptureBypass): Cluster {
  const http = outbound.protocol !== 'tcp';
  return create(ClusterSchema, {
    name: serviceCluster(outbound),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: fromAds() },
    connectTimeout: durationOf(connectTimeoutMs),
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: breakers.maxConnections,
          maxPendingRequests: breakers.maxPendingRequests,
          maxRequests: breakers.maxRequests,
          maxRetries: breakers.maxRetries,
        },
      ],
    },
    outlierDetection: {
      consecutive5xx: outliers.consecutive5xx,
      enforcingConsecutive5xx: 100,
      baseEjectionTime: durationOf(outliers.baseEjectionTimeMs),
      maxEjectionPercent: outliers.ejectionPercentMax,
    },
    transportSocket: upstreamTls(serversSecret(outbound), sniOf(view.workload.tenant), http ? ['h2'] : []),
    ...bypassOption(bypass),
    ...(http ? { typedExtensionProtocolOptions: http2Only() } : {}),
  });
}

/** Envoy's `upstream_bind_config` for the bypass; also what the bootstrap puts on its static clusters. */
export function bypassOption(bypass: CaptureBypass) {
  if (bypass.kind === 'user') return {};
  const option = create(SocketOptionSchema, {
    description: 'SO_MARK',
    level: 1n,
    name: 36n,
    value: { case: 'intValue', value: BigInt(bypass.mark) },
    state: SocketOption_SocketState.STATE_PREBIND,
  });
  return { upstreamBindConfig: { socketOptions: [option] } };
}

function http2Only() {
  const options = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: { protocolConfig: { case: 'http2ProtocolOptions', value: create(Http2ProtocolOptionsSchema) } },
    },
  });
  return { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': pack(HttpProtocolOptionsSchema, options) };
}
