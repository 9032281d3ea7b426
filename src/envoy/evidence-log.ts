/**
 * What a sidecar tells the control plane of its traffic: who was refused, what failed, and a sample of what went well.
 *
 *   inbound-http       answered 400 or above, or failed as gRPC; of the others a share, by runtime key `evidence.sample`
 *   inbound-listener   a connection that reached nobody: plaintext, silence, unknown SNI, undeclared port, bad handshake,
 *                      an opaque port that turned its caller away or whose application was not there
 *   outbound-http      answered 500 or above, or failed at this side: no endpoint, an open breaker, a lost connection
 *   outbound-listener  what the application dialled and nothing is declared for, and a way out of the mesh that failed
 *
 * A healthy connection leaves nothing, and a healthy request outside the sample costs one throw of the dice. Each name is
 * one configuration, the same to the byte wherever it stands: Envoy keeps a stream and a timer for each that differs, and
 * begins each stream with 61 kB about itself. Failures of an opaque edge stand in its own log, see `edge-log.ts`.
 * The surprise: a silent connection has no flag to ask for, and no filter but an expression can ask for what is absent.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type AccessLog, type AccessLogFilter, AccessLogSchema } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js';
import { ExpressionFilterSchema } from '#gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import {
  type CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import { CustomTagSchema } from '#gen/envoy/type/tracing/v3/custom_tag_pb.js';
import { FractionalPercent_DenominatorType } from '#gen/envoy/type/v3/percent_pb.js';
import { anyOf, filterOf, refusals, statusAtLeast } from './access-log.ts';
import { evidenceCluster } from './names.ts';
import { durationOf, pack } from './resource.ts';

/** How records of one log wait in the proxy. */
export interface EvidenceLog {
  readonly logName: string;
  /** Longest wait for other records, in ms. */
  readonly flushIntervalMs: number;
  /**
   * Records that are sent without waiting, in bytes; while nobody takes them, the most that wait, and what comes then is
   * dropped and counted. Never 0, which Envoy reads as no bound at all.
   */
  readonly bufferBytes: number;
}

/** Envoy's own size of a batch, said aloud, and its second, which is soon enough for what nobody waits for. */
const waiting = { flushIntervalMs: 1_000, bufferBytes: 16_384 } as const;

/** Share of the healthy requests that are recorded. No drill may write it; see `drill-keys.ts`. */
const sampleKey = 'evidence.sample';

/** @param samplePercent with a fraction of two digits; what finer is said is rounded. */
export function inboundRequests(samplePercent: number): AccessLog {
  const percentSampled = {
    numerator: Math.round(samplePercent * 100),
    denominator: FractionalPercent_DenominatorType.TEN_THOUSAND,
  };
  const sample = { runtimeKey: sampleKey, percentSampled, useIndependentRandomness: true };
  const filter = anyOf(refusals(), filterOf({ case: 'runtimeFilter', value: sample }));
  return httpLog({ logName: 'inbound-http', ...waiting }, filter);
}

export function inboundConnections(): AccessLog {
  return tcpLog({ logName: 'inbound-listener', ...waiting }, anyOf(withoutHandshake(), failed()));
}

export function outboundRequests(): AccessLog {
  return httpLog({ logName: 'outbound-http', ...waiting }, anyOf(statusAtLeast(500), failed()));
}

export function outboundConnections(): AccessLog {
  return tcpLog({ logName: 'outbound-listener', ...waiting }, failed());
}

/**
 * The flags of what failed at this side, and not because the caller went away: nothing to dial (UH, NC, NR, DF), no
 * connection (UF, URX), a lost one (UC, UR, UPE), none in time (UT), an open breaker (UO), an overloaded proxy (OM).
 */
export function failed(): AccessLogFilter {
  const flags = ['DF', 'NC', 'NR', 'OM', 'UC', 'UF', 'UH', 'UO', 'UPE', 'UR', 'URX', 'UT'];
  return filterOf({ case: 'responseFlagFilter', value: { flags } });
}

/** No TLS, or a handshake that failed; or the rules behind it said no, which closes the connection with a word about it. */
function withoutHandshake(): AccessLogFilter {
  const expression =
    '!has(connection.tls_version) || has(connection.transport_failure_reason) || has(connection.termination_details)';
  const filter = create(ExpressionFilterSchema, { expression });
  return filterOf({
    case: 'extensionFilter',
    value: {
      name: 'envoy.access_loggers.extension_filters.cel',
      configType: { case: 'typedConfig', value: pack(ExpressionFilterSchema, filter) },
    },
  });
}

const traceparent = create(CustomTagSchema, {
  tag: 'traceparent',
  type: { case: 'requestHeader', value: { name: 'traceparent' } },
});

/** With the trace that a request belongs to. */
export function httpLog(log: EvidenceLog, filter: AccessLogFilter): AccessLog {
  const commonConfig = { ...logTo(log), customTags: [traceparent] };
  const config = create(HttpGrpcAccessLogConfigSchema, { commonConfig });
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.http_grpc',
    filter,
    configType: { case: 'typedConfig', value: pack(HttpGrpcAccessLogConfigSchema, config) },
  });
}

export function tcpLog(log: EvidenceLog, filter: AccessLogFilter): AccessLog {
  const config = create(TcpGrpcAccessLogConfigSchema, { commonConfig: logTo(log) });
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.tcp_grpc',
    filter,
    configType: { case: 'typedConfig', value: pack(TcpGrpcAccessLogConfigSchema, config) },
  });
}

function logTo({
  logName,
  flushIntervalMs,
  bufferBytes,
}: EvidenceLog): MessageInitShape<typeof CommonGrpcAccessLogConfigSchema> {
  return {
    logName,
    grpcService: { targetSpecifier: { case: 'envoyGrpc', value: { clusterName: evidenceCluster } } },
    transportApiVersion: ApiVersion.V3,
    bufferFlushInterval: durationOf(flushIntervalMs),
    bufferSizeBytes: bufferBytes,
  };
}
