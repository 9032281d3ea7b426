/**
 * What a refused connection or request leaves behind: one JSON line on the proxy's standard output.
 *
 * JSON, because Envoy then escapes what a peer sent; a path or an SNI cannot forge a second line.
 * `claimed` is the name in a certificate that may not have been verified: a claim, never an identity.
 */
import { create, type JsonObject } from '@bufbuild/protobuf';
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
  ComparisonFilter_Op,
} from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { StdoutAccessLogSchema } from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { pack } from './resource.ts';

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

/** Requests that were answered 400 or above: refusals and failures, with the id that their caller was given. */
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
    statusAtLeast(400),
  );
}

/** The runtime key is never set: the comparison has no other spelling. */
export function statusAtLeast(status: number): AccessLogFilter {
  return create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'statusCodeFilter',
      value: {
        comparison: {
          op: ComparisonFilter_Op.GE,
          value: { defaultValue: status, runtimeKey: 'coffre.unused' },
        },
      },
    },
  });
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
