/**
 * What a refused connection or request leaves behind: one JSON line on the proxy's standard output.
 *
 * JSON, because Envoy then escapes what a peer sent; a path or an SNI cannot forge a second line.
 * `claimed` is the name in a certificate that may not have been verified: a claim, never an identity.
 */
import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
  ComparisonFilter_Op,
  GrpcStatusFilter_Status,
} from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { StdoutAccessLogSchema } from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { pack } from './resource.ts';
import { exact, prefix, type StringMatch } from './string-match.ts';

const connection: JsonObject = {
  time: '%START_TIME%',
  source: '%DOWNSTREAM_REMOTE_ADDRESS%',
  destination: '%DOWNSTREAM_LOCAL_ADDRESS%',
  sni: '%REQUESTED_SERVER_NAME%',
  flags: '%RESPONSE_FLAGS%',
  details: '%RESPONSE_CODE_DETAILS%',
  termination: '%CONNECTION_TERMINATION_DETAILS%',
  tls_failure: '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
};

/** Every connection at its end: the only place where a refused handshake or a plaintext attempt shows. */
export function connectionLog(listener: string): AccessLog {
  return stdout({ log: 'connection', listener, ...connection, claimed: '%DOWNSTREAM_PEER_URI_SAN%' });
}

/**
 * Requests that were answered 400 or above: refusals and failures, with the id that their caller was given. Of gRPC, any
 * status but OK: there a refusal too is answered 200, and says what it is in `grpc-status`.
 */
export function refusalLog(listener: string): AccessLog {
  return stdout(
    {
      log: 'request',
      listener,
      ...connection,
      decision: '%STREAM_ID%',
      principal: '%DOWNSTREAM_PEER_URI_SAN%',
      method: '%REQ(:METHOD)%',
      path: '%REQ(:PATH):1024%',
      status: '%RESPONSE_CODE%',
    },
    refusals(),
  );
}

/** Answered 400 or above, or failed as gRPC. */
export function refusals(): AccessLogFilter {
  return anyOf(statusAtLeast(400), grpcFailure());
}

/** Asked of gRPC only: Envoy takes the 200 of any other answer for a gRPC status that is not OK. */
function grpcFailure(): AccessLogFilter {
  const isGrpc = anyOf(contentType(exact('application/grpc')), contentType(prefix('application/grpc+')));
  const isNotOk = filterOf({
    case: 'grpcStatusFilter',
    value: { statuses: [GrpcStatusFilter_Status.OK], exclude: true },
  });
  return filterOf({ case: 'andFilter', value: { filters: [isGrpc, isNotOk] } });
}

function contentType(value: StringMatch): AccessLogFilter {
  const header = { name: 'content-type', headerMatchSpecifier: { case: 'stringMatch', value } } as const;
  return filterOf({ case: 'headerFilter', value: { header } });
}

export function anyOf(...filters: readonly AccessLogFilter[]): AccessLogFilter {
  return filterOf({ case: 'orFilter', value: { filters: [...filters] } });
}

/** The runtime key is never set: the comparison has no other spelling. */
export function statusAtLeast(status: number): AccessLogFilter {
  const value = { defaultValue: status, runtimeKey: 'coffre.unused' };
  return filterOf({ case: 'statusCodeFilter', value: { comparison: { op: ComparisonFilter_Op.GE, value } } });
}

export function filterOf(
  filterSpecifier: MessageInitShape<typeof AccessLogFilterSchema>['filterSpecifier'] & object,
): AccessLogFilter {
  return create(AccessLogFilterSchema, { filterSpecifier });
}

function stdout(format: JsonObject, filter?: AccessLogFilter): AccessLog {
  const logger = create(StdoutAccessLogSchema, {
    accessLogFormat: { case: 'logFormat', value: { format: { case: 'jsonFormat', value: format } } },
  });
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.stdout',
    configType: { case: 'typedConfig', value: pack(StdoutAccessLogSchema, logger) },
    ...(filter === undefined ? {} : { filter }),
  });
}
