/**
 * Traces: spans of the sidecar's own, sent to the collector that the mesh names. Without one, Envoy traces nothing.
 *
 *   request ──traceparent, or a new trace for a share──▶ span ──▶ ext_authz and application, by traceparent
 *                                                          └──OTLP, gRPC over TLS──▶ collector
 *
 * On the mesh's own paths only: a way out of it would tell strangers our ids. The path is left out of the span, as a query
 * may hold secrets and Envoy cannot part the two.
 * The surprise: Envoy by default writes its sampling into the request id, and that id is our decision. Here it does not.
 */
import { isIP } from 'node:net';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Cluster, Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { OpenTelemetryConfigSchema } from '#gen/envoy/config/trace/v3/opentelemetry_pb.js';
import type { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { UuidRequestIdConfigSchema } from '#gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js';
import {
  ParentBasedSamplerConfigSchema,
  TraceIdRatioBasedSamplerConfigSchema,
} from '#gen/envoy/extensions/tracers/opentelemetry/samplers/v3/samplers_pb.js';
import {
  SubjectAltNameMatcher_SanType,
  TlsParameters_TlsProtocol,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { FractionalPercent_DenominatorType } from '#gen/envoy/type/v3/percent_pb.js';
import type { TracingRules } from '../model/evidence-rules.ts';
import { tcpAddress } from './address.ts';
import { bypassOption, http2Only } from './cluster-options.ts';
import { tracesCluster } from './names.ts';
import type { Platform } from './platform.ts';
import type { Caller, Fixture } from './proxy-parts.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';
import { exact } from './string-match.ts';
import { tlsSocket } from './tls.ts';

/** Attribute of a span: the id of the decision at an inbound listener, of the request anywhere. Envoy itself adds which proxy it was. */
const decisionTag = 'coffre.decision';

/** Longest wait for a connection to the collector, and for its answer to a batch, in ms; then the batch is lost. */
const collectorMs = 1_000;
/** Batches under way at a time: beyond it they are dropped, so that a dead collector costs a bounded memory. */
const batchesMax = 32;
/** Bytes that wait for a collector that does not read. */
const bufferBytes = 1_048_576;

type HcmInit = MessageInitShape<typeof HttpConnectionManagerSchema>;

/** What a connection manager needs beside the rest. */
export type Tracing = Pick<HcmInit, 'tracing' | 'requestIdExtension'>;

export function tracingOf({ workload, observation: { tracing } }: Caller): Tracing | undefined {
  if (tracing === undefined) return undefined;
  const tracer = create(OpenTelemetryConfigSchema, {
    grpcService: {
      targetSpecifier: { case: 'envoyGrpc', value: { clusterName: tracesCluster } },
      timeout: durationOf(collectorMs),
    },
    serviceName: `${workload.tenant}/${workload.serviceAccount}`,
    sampler: likeItsParent(tracing.samplePercent),
  });
  const ids = create(UuidRequestIdConfigSchema, { packTraceReason: false });
  return {
    tracing: {
      // Nobody's header begins a trace out of turn; which ones are kept the tracer's own sampler says.
      clientSampling: { value: 0 },
      randomSampling: { value: 100 },
      overallSampling: { value: 100 },
      maxPathTagLength: 0,
      provider: {
        name: 'envoy.tracers.opentelemetry',
        configType: { case: 'typedConfig', value: pack(OpenTelemetryConfigSchema, tracer) },
      },
      customTags: [{ tag: decisionTag, type: { case: 'requestHeader', value: { name: 'x-request-id' } } }],
    },
    requestIdExtension: { typedConfig: pack(UuidRequestIdConfigSchema, ids) },
  };
}

/** A request that came with a trace goes on as that trace said; of the others a share begins one. */
function likeItsParent(samplePercent: number) {
  const ratio = create(TraceIdRatioBasedSamplerConfigSchema, {
    samplingPercentage: {
      numerator: Math.round(samplePercent * 10_000),
      denominator: FractionalPercent_DenominatorType.MILLION,
    },
  });
  const parent = create(ParentBasedSamplerConfigSchema, {
    wrappedSampler: {
      name: 'envoy.tracers.opentelemetry.samplers.trace_id_ratio_based',
      typedConfig: pack(TraceIdRatioBasedSamplerConfigSchema, ratio),
    },
  });
  return {
    name: 'envoy.tracers.opentelemetry.samplers.parent_based',
    typedConfig: pack(ParentBasedSamplerConfigSchema, parent),
  };
}

/** Of a mesh that is traced; nothing otherwise. */
export function tracesClusterOf({ observation: { tracing } }: Fixture, platform: Platform): readonly EnvoyResource[] {
  return tracing === undefined ? [] : [resource(ClusterSchema, tracesCluster, collector(tracing, platform))];
}

function collector({ collector: { address, port, serverName } }: TracingRules, platform: Platform): Cluster {
  const type = isIP(address) === 0 ? Cluster_DiscoveryType.STRICT_DNS : Cluster_DiscoveryType.STATIC;
  const context = create(UpstreamTlsContextSchema, {
    sni: serverName,
    commonTlsContext: {
      alpnProtocols: ['h2'],
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      },
      validationContextType: {
        case: 'validationContext',
        value: {
          trustedCa: { specifier: { case: 'filename', value: platform.systemCaFile } },
          matchTypedSubjectAltNames: [{ sanType: SubjectAltNameMatcher_SanType.DNS, matcher: exact(serverName) }],
        },
      },
    },
  });
  return create(ClusterSchema, {
    name: tracesCluster,
    clusterDiscoveryType: { case: 'type', value: type },
    connectTimeout: durationOf(collectorMs),
    // A collector that cannot be resolved must not hold back the start of the pod.
    ...(type === Cluster_DiscoveryType.STRICT_DNS ? { waitForWarmOnInit: false } : {}),
    circuitBreakers: { thresholds: [{ maxPendingRequests: batchesMax, maxRequests: batchesMax }] },
    perConnectionBufferLimitBytes: bufferBytes,
    loadAssignment: {
      clusterName: tracesCluster,
      endpoints: [
        { lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: tcpAddress(address, port) } } }] },
      ],
    },
    transportSocket: tlsSocket(pack(UpstreamTlsContextSchema, context)),
    typedExtensionProtocolOptions: http2Only(),
    ...bypassOption(platform.bypass),
  });
}
