/**
 * How a sidecar finds its control plane: the only configuration that it reads from a file.
 *
 *   root.crt  ─file SDS, watched─▶ whom the proxy believes      token ─file SDS, watched─▶ who the proxy is
 *
 * Both files may be replaced at any time: Envoy rereads them without a restart. Everything else comes over ADS, and
 * nothing starts before the (empty) runtime layer has been answered.
 * Written as JSON: Envoy's YAML would read a bare `n` as false.
 */
import { create, type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { BootstrapSchema } from '#gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiConfigSource_ApiType, ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js';
import { CredentialInjectorSchema } from '#gen/envoy/extensions/filters/http/credential_injector/v3/credential_injector_pb.js';
import { UpstreamCodecSchema } from '#gen/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.js';
import { HttpFilterSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { GenericSchema } from '#gen/envoy/extensions/http/injected_credentials/generic/v3/generic_pb.js';
import { DownstreamConnectionsConfigSchema } from '#gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import {
  type CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { tcpAddress, unixAddress } from './address.ts';
import { bypassOption } from './cluster-options.ts';
import { type ApplicationProbe, healthClusters, healthListener } from './health-listener.ts';
import {
  adminCluster,
  controlPlaneCluster,
  drillLayer,
  evidenceCluster,
  identitySecret,
  rootFileSecret,
  tokenFileSecret,
} from './names.ts';
import type { CaptureBypass } from './platform.ts';
import { regexLayer, regexLimits } from './regex-limits.ts';
import { envoyRegistry } from './registry.ts';
import { durationOf, pack } from './resource.ts';
import { exact } from './string-match.ts';
import { fromAds, tlsSocket } from './tls.ts';

/** Header that carries the workload's token to the control plane; of our own, so that no proxy in between reads it as somebody's. */
const tokenHeader = 'x-coffre-token';

/** Connections that one sidecar accepts at once. Beyond it Envoy refuses, rather than dying of memory. */
const downstreamConnectionsMax = 10_000n;

/** Questions to the admin interface at a time: it answers on Envoy's main thread, which has other things to do. */
const adminRequestsMax = 4;

/** Bytes of records that one connection holds for a control plane that does not read; then logs keep theirs, up to their own bound. */
const evidenceBufferBytes = 262_144;
/** Longest that the start waits for the way to the evidence, in ms: as long as a second try of the stream. */
const evidenceWaitMs = 1_000;
/** Logs that are told at a time: one stream for each, and each of Envoy's threads. */
const evidenceStreamsMax = 1_024;

export interface BootstrapOptions {
  /** `namespace/pod`; the control plane serves it only to the holder of a token for it. */
  readonly nodeId: string;
  /** The tenant. */
  readonly nodeCluster: string;
  readonly controlPlane: { readonly address: string; readonly port: number };
  /** DNS name in the control plane's certificate, matched exactly. */
  readonly serverName: string;
  /** Unix socket of Envoy's admin interface; mode 0600, out of the application's reach. */
  readonly adminSocket: string;
  /** The file SDS resource that names root.crt, the one that names the token, and the folder whose moves announce a change. */
  readonly files: { readonly rootSds: string; readonly tokenSds: string; readonly watched: string };
  readonly bypass: CaptureBypass;
  /** What the kubelet asks of the pod's applications; absent outside a cluster, where nobody asks. */
  readonly probes?: readonly ApplicationProbe[];
}

/** @returns the bootstrap as a JSON value; write it to a file that ends in `.json`. */
export function bootstrapFor(options: BootstrapOptions): unknown {
  const bootstrap = create(BootstrapSchema, {
    node: { id: options.nodeId, cluster: options.nodeCluster },
    admin: { address: unixAddress(options.adminSocket, 0o600) },
    layeredRuntime: {
      layers: [
        { name: regexLayer, layerSpecifier: { case: 'staticLayer', value: { ...regexLimits } } },
        {
          name: drillLayer,
          layerSpecifier: { case: 'rtdsLayer', value: { name: drillLayer, rtdsConfig: fromAds() } },
        },
      ],
    },
    dynamicResources: {
      ldsConfig: fromAds(),
      cdsConfig: fromAds(),
      adsConfig: {
        apiType: ApiConfigSource_ApiType.DELTA_GRPC,
        transportApiVersion: ApiVersion.V3,
        setNodeOnFirstMessageOnly: true,
        grpcServices: [
          {
            targetSpecifier: {
              case: 'envoyGrpc',
              value: { clusterName: controlPlaneCluster, retryPolicy: { retryBackOff: returning() } },
            },
          },
        ],
      },
    },
    clusterManager: {
      // Asked only while a drill watches; until then an open stream and nothing on it.
      loadStatsConfig: {
        apiType: ApiConfigSource_ApiType.GRPC,
        transportApiVersion: ApiVersion.V3,
        grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: controlPlaneCluster } } }],
      },
    },
    staticResources: {
      clusters: [
        controlPlane(options),
        evidence(options),
        admin(options),
        ...healthClusters(options.probes ?? [], options.bypass),
      ],
      listeners: options.probes === undefined ? [] : [healthListener(options.probes, options.bypass)],
    },
    overloadManager: {
      resourceMonitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          configType: {
            case: 'typedConfig',
            value: pack(
              DownstreamConnectionsConfigSchema,
              create(DownstreamConnectionsConfigSchema, { maxActiveDownstreamConnections: downstreamConnectionsMax }),
            ),
          },
        },
      ],
    },
  });
  return toJson(BootstrapSchema, bootstrap, { registry: envoyRegistry });
}

/** Waits between attempts to reach the control plane, in ms. Envoy's own longest is 30 s: a mesh would stay blind for that long after every restart. */
function returning() {
  return { baseInterval: durationOf(500), maxInterval: durationOf(5_000) };
}

function controlPlane(options: BootstrapOptions): Cluster {
  const { address, port } = options.controlPlane;
  return create(ClusterSchema, {
    ...ofControlPlane(controlPlaneCluster, options, []),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: controlPlaneCluster,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: tcpAddress(address, port) } } }] },
      ],
    },
  });
}

/**
 * The same server at the port that EDS tells, shown the workload's own certificate. Where either is not there yet, or
 * nobody listens, records are lost, and neither the start nor a request waits for them.
 * Envoy 1.40.0 makes static clusters before its ADS stream and ends with a null pointer where one of them asks it for a
 * secret (measured); clusters of EDS it makes afterwards. And the secret is asked for in the very words of every other
 * cluster: where the words differ Envoy asks twice for one name, is answered once, and goes without in one of the two
 * places until 15 s are over (measured).
 */
function evidence(options: BootstrapOptions): Cluster {
  return create(ClusterSchema, {
    ...ofControlPlane(evidenceCluster, options, [{ name: identitySecret, sdsConfig: fromAds() }]),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: soonFromAds() },
    perConnectionBufferLimitBytes: evidenceBufferBytes,
    circuitBreakers: {
      thresholds: [{ maxPendingRequests: evidenceStreamsMax, maxRequests: evidenceStreamsMax, maxRetries: 0 }],
    },
  });
}

function ofControlPlane(
  name: string,
  options: BootstrapOptions,
  tlsCertificateSdsSecretConfigs: NonNullable<CommonTls['tlsCertificateSdsSecretConfigs']>,
) {
  const context = serverTrust(options, tlsCertificateSdsSecretConfigs);
  return {
    name,
    connectTimeout: durationOf(1_000),
    transportSocket: tlsSocket(pack(UpstreamTlsContextSchema, context)),
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': pack(
        HttpProtocolOptionsSchema,
        tokenOnEveryStream(options),
      ),
    },
    ...bypassOption(options.bypass),
  };
}

/** Over ADS, and not waited for longer than a stream that is up would take. */
function soonFromAds() {
  return { ...fromAds(), initialFetchTimeout: durationOf(evidenceWaitMs) };
}

/** The proxy's own admin interface, for the doors that lead there; see `admin-door.ts`. */
function admin({ adminSocket }: BootstrapOptions): Cluster {
  return create(ClusterSchema, {
    name: adminCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: durationOf(1_000),
    circuitBreakers: {
      thresholds: [
        { maxConnections: adminRequestsMax, maxPendingRequests: adminRequestsMax, maxRequests: adminRequestsMax },
      ],
    },
    loadAssignment: {
      clusterName: adminCluster,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: unixAddress(adminSocket) } } }] },
      ],
    },
  });
}

type CommonTls = MessageInitShape<typeof CommonTlsContextSchema>;

function serverTrust(
  { serverName, files }: BootstrapOptions,
  tlsCertificateSdsSecretConfigs: NonNullable<CommonTls['tlsCertificateSdsSecretConfigs']>,
) {
  return create(UpstreamTlsContextSchema, {
    sni: serverName,
    commonTlsContext: {
      alpnProtocols: ['h2'],
      tlsCertificateSdsSecretConfigs,
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      },
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: {
            matchTypedSubjectAltNames: [{ sanType: SubjectAltNameMatcher_SanType.DNS, matcher: exact(serverName) }],
          },
          validationContextSdsSecretConfig: { name: rootFileSecret, sdsConfig: fromFile(files.rootSds, files.watched) },
        },
      },
    },
  });
}

/** The token is put on each new stream by an upstream filter, read from the file as it then is. */
function tokenOnEveryStream({ files }: BootstrapOptions) {
  const generic = create(GenericSchema, {
    header: tokenHeader,
    credential: { name: tokenFileSecret, sdsConfig: fromFile(files.tokenSds, files.watched) },
  });
  const injector = create(CredentialInjectorSchema, {
    overwrite: true,
    credential: { name: 'envoy.http.injected_credentials.generic', typedConfig: pack(GenericSchema, generic) },
  });
  return create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: {
        protocolConfig: {
          case: 'http2ProtocolOptions',
          value: { connectionKeepalive: { interval: durationOf(30_000), timeout: durationOf(10_000) } },
        },
      },
    },
    httpFilters: [
      create(HttpFilterSchema, {
        name: 'envoy.filters.http.credential_injector',
        configType: { case: 'typedConfig', value: pack(CredentialInjectorSchema, injector) },
      }),
      create(HttpFilterSchema, {
        name: 'envoy.filters.http.upstream_codec',
        configType: { case: 'typedConfig', value: pack(UpstreamCodecSchema, create(UpstreamCodecSchema)) },
      }),
    ],
  });
}

function fromFile(path: string, watched: string) {
  return {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: {
      case: 'pathConfigSource' as const,
      value: { path, watchedDirectory: { path: watched } },
    },
  };
}
