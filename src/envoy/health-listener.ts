/**
 * The health port: where the kubelet asks, in plaintext, how the applications of a pod are, and the sidecar itself.
 *
 *   kubelet ──GET /app/web/readiness──▶ 15021 ─┬─ http  the same GET, at the application
 *                                              ├─ tcp, grpc  as the health check of a cluster last found it
 *                                              └─ GET /ready  the sidecar's own admin interface
 *
 * A kubelet has no certificate and so no way through the inbound listener. Nothing else can be asked here than what the
 * pod's own probes name: exact paths, by GET.
 * It stands in the bootstrap, not in ADS: what a pod's probes are is settled with the pod, and no control plane has to be
 * there for them to be answered.
 * The surprise: HTTP can only be answered by HTTP, so that a `tcp` or `grpc` question is asked by the sidecar by itself, at
 * the probe's own period, and the kubelet hears the last answer; until there is one, no.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { type HealthCheck, HealthCheckSchema } from '#gen/envoy/config/core/v3/health_check_pb.js';
import { FilterChainSchema, FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { type Route, RouteSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { HealthCheckSchema as HealthCheckFilterSchema } from '#gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import {
  HttpConnectionManager_CodecType as Codec,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { healthPort } from '../model/ports.ts';
import { dualStack, tcpAddress } from './address.ts';
import { answeringOption, bypassOption, http2Only } from './cluster-options.ts';
import { adminCluster } from './names.ts';
import type { CaptureBypass } from './platform.ts';
import { durationOf, pack } from './resource.ts';
import { exact } from './string-match.ts';
import { tlsSocket } from './tls.ts';

/** One question that the kubelet would have put to the application. */
export interface ApplicationProbe {
  /** Where the kubelet asks instead: an exact path on the health port, without a query. */
  readonly path: string;
  /** Of the application, on the pod's loopback. */
  readonly port: number;
  /** Longest wait for the application, in ms. */
  readonly timeoutMs: number;
  readonly asks:
    | {
        readonly kind: 'http';
        readonly tls: boolean;
        /** Without its query, which comes with each question. */
        readonly path: string;
      }
    | { readonly kind: 'tcp'; readonly periodMs: number }
    | {
        readonly kind: 'grpc';
        readonly periodMs: number;
        /** Empty: the server as a whole. */
        readonly service: string;
      };
}

/** Where the kubelet asks whether the sidecar has its configuration. */
export const readyPath = '/ready';

const listenerName = 'health';
/** Longest wait for the sidecar's own answer, in ms. */
const readyTimeoutMs = 1_000;
/** Wait between two questions to an application that did not answer, in ms: as long as the kubelet's shortest period. */
const unhealthyIntervalMs = 1_000;
/** Longest that a kubelet's connection lies idle, in ms: it makes a new one for each question. */
const connectionIdleMs = 10_000;
/** Longest that a question may take to arrive, in ms. */
const requestHeadersTimeoutMs = 5_000;

export function healthListener(probes: readonly ApplicationProbe[], bypass: CaptureBypass): Listener {
  const manager = create(HttpConnectionManagerSchema, {
    statPrefix: listenerName,
    codecType: Codec.HTTP1,
    useRemoteAddress: true,
    skipXffAppend: true,
    generateRequestId: false,
    commonHttpProtocolOptions: { idleTimeout: durationOf(connectionIdleMs) },
    requestHeadersTimeout: durationOf(requestHeadersTimeoutMs),
    routeSpecifier: {
      case: 'routeConfig',
      value: {
        name: listenerName,
        virtualHosts: [{ name: 'kubelet', domains: ['*'], routes: [readyRoute(), ...probes.flatMap(routeOf)] }],
      },
    },
    httpFilters: [...probes.flatMap(lastAnswer), router],
  });
  return create(ListenerSchema, {
    name: listenerName,
    address: dualStack(healthPort),
    enableReusePort: false,
    ...answeringOption(bypass),
    // A kubelet is not to be counted out by a flood at the other doors.
    ignoreGlobalConnLimit: true,
    filterChains: [
      create(FilterChainSchema, {
        filters: [
          create(FilterSchema, {
            name: 'envoy.filters.network.http_connection_manager',
            configType: { case: 'typedConfig', value: pack(HttpConnectionManagerSchema, manager) },
          }),
        ],
      }),
    ],
  });
}

/** One for each question: a health check belongs to a cluster as a whole. */
export function healthClusters(probes: readonly ApplicationProbe[], bypass: CaptureBypass): readonly Cluster[] {
  return probes.map((probe) => {
    const name = clusterOf(probe);
    return create(ClusterSchema, {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      connectTimeout: durationOf(probe.timeoutMs),
      loadAssignment: {
        clusterName: name,
        endpoints: [
          {
            lbEndpoints: [
              { hostIdentifier: { case: 'endpoint', value: { address: tcpAddress('127.0.0.1', probe.port) } } },
            ],
          },
        ],
      },
      ...protocolOf(probe),
      ...bypassOption(bypass),
    });
  });
}

function protocolOf({ asks, port, timeoutMs }: ApplicationProbe) {
  switch (asks.kind) {
    case 'http':
      // As a kubelet asks: whoever answers on the pod's own loopback is the application.
      return asks.tls
        ? { transportSocket: tlsSocket(pack(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema))) }
        : {};
    case 'tcp':
      return { healthChecks: [healthCheck(asks.periodMs, timeoutMs, { case: 'tcpHealthCheck', value: {} })] };
    case 'grpc':
      return {
        healthChecks: [
          healthCheck(asks.periodMs, timeoutMs, {
            case: 'grpcHealthCheck',
            // Envoy would name the cluster, whose `/` is a protocol error to some servers.
            value: { serviceName: asks.service, authority: `127.0.0.1:${port}` },
          }),
        ],
        typedExtensionProtocolOptions: http2Only(),
      };
  }
}

type HealthChecker = NonNullable<MessageInitShape<typeof HealthCheckSchema>['healthChecker']>;

/** One answer decides: how many in a row count is the kubelet's to judge. */
function healthCheck(periodMs: number, timeoutMs: number, healthChecker: HealthChecker): HealthCheck {
  const period = durationOf(periodMs);
  return create(HealthCheckSchema, {
    timeout: durationOf(timeoutMs),
    interval: period,
    // Without these an application that nobody calls would be asked once a minute.
    noTrafficInterval: durationOf(unhealthyIntervalMs),
    noTrafficHealthyInterval: period,
    unhealthyInterval: durationOf(unhealthyIntervalMs),
    unhealthyThreshold: 1,
    healthyThreshold: 1,
    reuseConnection: false,
    healthChecker,
  });
}

function routeOf(probe: ApplicationProbe): readonly Route[] {
  if (probe.asks.kind !== 'http') return [];
  const { path } = probe.asks;
  return [getRoute(probe.path, clusterOf(probe), probe.timeoutMs, path)];
}

function readyRoute(): Route {
  return getRoute(readyPath, adminCluster, readyTimeoutMs, readyPath);
}

function getRoute(path: string, cluster: string, timeoutMs: number, prefixRewrite: string): Route {
  return create(RouteSchema, {
    match: { pathSpecifier: { case: 'path', value: path }, headers: [methodIsGet()] },
    action: {
      case: 'route',
      value: { clusterSpecifier: { case: 'cluster', value: cluster }, timeout: durationOf(timeoutMs), prefixRewrite },
    },
  });
}

/** What the cluster's own health check found: 200 where its one endpoint is healthy, 503 otherwise. */
function lastAnswer(probe: ApplicationProbe): readonly HttpFilter[] {
  if (probe.asks.kind === 'http') return [];
  const filter = create(HealthCheckFilterSchema, {
    passThroughMode: false,
    clusterMinHealthyPercentages: { [clusterOf(probe)]: { value: 100 } },
    headers: [
      { name: ':path', headerMatchSpecifier: { case: 'stringMatch', value: exact(probe.path) } },
      methodIsGet(),
    ],
  });
  return [
    create(HttpFilterSchema, {
      name: `health${probe.path}`,
      configType: { case: 'typedConfig', value: pack(HealthCheckFilterSchema, filter) },
    }),
  ];
}

const router = create(HttpFilterSchema, {
  name: 'envoy.filters.http.router',
  configType: {
    case: 'typedConfig',
    value: pack(RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: true })),
  },
});

function methodIsGet() {
  return { name: ':method', headerMatchSpecifier: { case: 'stringMatch' as const, value: exact('GET') } };
}

function clusterOf({ path }: ApplicationProbe): string {
  return `health${path}`;
}
