/**
 * Envoy's gRPC access log, received: records of the edges that a drill has switched on, and of no others.
 *
 *   proxy ──StreamAccessLogs──▶ admitted by its credentials ──▶ records, with the proxy's name ──▶ port
 *
 * Who logs is known from the credentials of the stream; the node that its first message claims is not read. Nothing is
 * ever answered: the protocol has no acknowledgement, and what is lost on the way is lost.
 */
import { create } from '@bufbuild/protobuf';
import {
  AccessLogService as AccessLogRpc,
  StreamAccessLogsResponseSchema,
} from '#gen/envoy/service/accesslog/v3/als_pb.js';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import { type ReportPorts, type ReportStreamEvent, ReportStreams } from '../grpc/report-stream.ts';
import { type AccessLogRecord, decodeAccessLog } from './access-log-record.ts';

export interface AccessLogPorts extends ReportPorts {
  /** Must not throw. */
  logged(record: ProxyRecord): void;
  /** Must not throw. */
  observe(event: AccessLogEvent): void;
}

export interface ProxyRecord extends AccessLogRecord {
  /** Client key given at admission. */
  readonly proxy: string;
  /** Epoch ms, of our own clock, when it came; the proxy held it back for a quarter of a second at most. */
  readonly atMs: number;
}

export type AccessLogEvent =
  | ReportStreamEvent
  /** A message that was not read; `count` is how many of this stream so far. */
  | {
      readonly kind: 'log-dropped';
      readonly key: string;
      readonly why: 'too-large' | 'malformed';
      readonly count: number;
    };

/** Envoy has one stream for each worker thread and kind of logger; a hot restart doubles them. */
const streamsPerClientMax = 128;

/** Longest that a caller waits to be known, in ms. */
const admissionWaitMs = 15_000;

export function addAccessLogService(server: Pick<GrpcServer, 'addService'>, ports: AccessLogPorts): void {
  const streams = new ReportStreams(ports, { streamsPerClientMax, admissionWaitMs }, ports.observe);

  function hear(proxy: string) {
    let dropped = 0;
    let logName = '';
    return {
      heard(message: Uint8Array) {
        const decoded = decodeAccessLog(message, logName);
        if (decoded.kind !== 'ok') {
          dropped += 1;
          ports.observe({ kind: 'log-dropped', key: proxy, why: decoded.kind, count: dropped });
          return;
        }
        logName = decoded.logName;
        const atMs = ports.clock.nowMs();
        for (const record of decoded.records) ports.logged({ proxy, atMs, ...record });
      },
      closed: () => undefined,
    };
  }

  server.addService(
    AccessLogRpc,
    { streamAccessLogs: { request: 'raw' } },
    {
      streamAccessLogs(call, callback) {
        streams.listen(
          call,
          (status) =>
            status === undefined ? callback(null, create(StreamAccessLogsResponseSchema)) : callback(status),
          hear,
        );
      },
    },
  );
}
