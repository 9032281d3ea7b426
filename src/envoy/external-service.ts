/**
 * The ways out: one listener, one cluster and, for HTTP, one route for each external service of the tenant.
 *
 *   http   application ──plain──▶ 240.x.y.z:port ──TLS, Host and SNI rewritten to the name──▶ service
 *   tcp    application ──bytes──▶ 240.x.y.z:port ──TLS to the name──▶ service
 *   tls    application ──its own TLS──▶ 240.x.y.z:port ──only if its SNI is the name──▶ service
 *
 * The sidecar believes a certificate for exactly that name. What the name resolves to is the resolver's word, so these
 * connections carry a mark of their own, by which the pod's rules drop them when they would go to a private address.
 * The surprises: `Host` is rewritten, because one certificate may serve many customers' hosts; and the name is resolved
 * with a final dot, because the sidecar shares the pod's /etc/hosts, where the name means the virtual address.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { type DataSource, TrafficDirection, type TransportSocket } from '#gen/envoy/config/core/v3/base_pb.js';
import type { FilterChainSchema, ListenerFilter } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { Capture, ExternalService } from '../model/snapshot.ts';
import { connectionLog } from './access-log.ts';
import { tcpAddress } from './address.ts';
import { eitherHttp, outsideOption } from './cluster-options.ts';
import { outboundConnections } from './evidence-log.ts';
import { outboundSocket } from './explicit-listener.ts';
import { externalHttp } from './http-connection-manager.ts';
import { externalCluster, externalRoute } from './names.ts';
import type { Platform } from './platform.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';
import { exact } from './string-match.ts';
import { outboundTcp } from './tcp-proxy.ts';
import { tlsInspector, tlsSocket } from './tls.ts';

/** Longest wait for a connection to a service outside, in ms: it may be an ocean away. */
const connectTimeoutMs = 5_000;
/** Between two looks at a name whose resolver says nothing of its life, in ms. */
const dnsRefreshMs = 30_000;
/** Until a name that could not be resolved is asked for again, in ms: at first, and at last. */
const dnsRetryMs = 500;
const dnsRetryMaxMs = 5_000;
/** Key of the metadata that says where a service answers and under which law. */
const metadataKey = 'coffre.external';
/** What a `Host` leaves out. */
const httpsPort = 443;

export function externalResources(
  external: ExternalService,
  capture: Capture,
  platform: Platform,
): readonly EnvoyResource[] {
  return [
    resource(ClusterSchema, externalCluster(external), cluster(external, platform)),
    listener(external, capture),
    ...(external.protocol === 'http' ? [route(external)] : []),
  ];
}

function cluster(external: ExternalService, platform: Platform): Cluster {
  const { name, port, protocol, region, jurisdiction } = external;
  const where = { filterMetadata: { [metadataKey]: { jurisdiction, region } } };
  return create(ClusterSchema, {
    name: externalCluster(external),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STRICT_DNS },
    connectTimeout: durationOf(connectTimeoutMs),
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
    dnsRefreshRate: durationOf(dnsRefreshMs),
    respectDnsTtl: true,
    dnsFailureRefreshRate: { baseInterval: durationOf(dnsRetryMs), maxInterval: durationOf(dnsRetryMaxMs) },
    // A resolver outside that is slow must not hold back the start of the pod.
    waitForWarmOnInit: false,
    metadata: where,
    loadAssignment: {
      clusterName: externalCluster(external),
      endpoints: [
        {
          locality: { region },
          lbEndpoints: [
            {
              hostIdentifier: { case: 'endpoint', value: { address: tcpAddress(`${name}.`, port) } },
              metadata: where,
            },
          ],
        },
      ],
    },
    ...(protocol === 'tls' ? {} : { transportSocket: tlsTo(external, platform) }),
    ...(protocol === 'http' ? { typedExtensionProtocolOptions: eitherHttp() } : {}),
    ...outsideOption(platform.bypass),
  });
}

/** Headers that sidecars add for each other; outside they would tell the pod's address and our ids. */
const ownWords = ['x-envoy-external-address', 'x-forwarded-proto', 'x-request-id'] as const;

/** No certificate of ours is shown: nobody outside is to learn the names of workloads. */
function tlsTo({ name, caBundlePem }: ExternalService, { systemCaFile }: Platform): TransportSocket {
  const specifier: DataSource['specifier'] =
    caBundlePem === undefined
      ? { case: 'filename', value: systemCaFile }
      : { case: 'inlineString', value: caBundlePem };
  const context = create(UpstreamTlsContextSchema, {
    sni: name,
    commonTlsContext: {
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      },
      validationContextType: {
        case: 'validationContext',
        value: {
          trustedCa: { specifier },
          matchTypedSubjectAltNames: [{ sanType: SubjectAltNameMatcher_SanType.DNS, matcher: exact(name) }],
        },
      },
    },
  });
  return tlsSocket(pack(UpstreamTlsContextSchema, context));
}

function listener(external: ExternalService, capture: Capture): EnvoyResource {
  const name = `${externalRoute(external)}/${external.virtualIp}`;
  return resource(
    ListenerSchema,
    name,
    create(ListenerSchema, {
      name,
      ...outboundSocket(capture, external.virtualIp, external.port),
      trafficDirection: TrafficDirection.OUTBOUND,
      accessLog: [connectionLog(name), outboundConnections()],
      listenerFilters: listenerFilters(external),
      filterChains: [chain(external)],
    }),
  );
}

function listenerFilters({ protocol }: ExternalService): ListenerFilter[] {
  return protocol === 'tls' ? [tlsInspector()] : [];
}

function chain(external: ExternalService): MessageInitShape<typeof FilterChainSchema> {
  switch (external.protocol) {
    case 'http':
      return { filters: [externalHttp(externalRoute(external))] };
    case 'tcp':
      return { filters: [outboundTcp(externalCluster(external))] };
    case 'tls':
      return {
        filterChainMatch: { transportProtocol: 'tls', serverNames: [external.name] },
        filters: [outboundTcp(externalCluster(external))],
      };
  }
}

/** The whole exchange has no limit of its own, as nobody here knows the service; a silent stream ends. */
function route(external: ExternalService): EnvoyResource {
  const { name: host, port } = external;
  const name = externalRoute(external);
  const action = {
    clusterSpecifier: { case: 'cluster', value: externalCluster(external) },
    timeout: durationOf(0),
    hostRewriteSpecifier: { case: 'hostRewriteLiteral', value: port === httpsPort ? host : `${host}:${port}` },
  } as const;
  return resource(
    RouteConfigurationSchema,
    name,
    create(RouteConfigurationSchema, {
      requestHeadersToRemove: [...ownWords],
      name,
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            { match: { pathSpecifier: { case: 'prefix', value: '/' } }, action: { case: 'route', value: action } },
          ],
        },
      ],
    }),
  );
}
