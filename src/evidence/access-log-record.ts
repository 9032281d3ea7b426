/**
 * One request or connection as a proxy logged it: bytes in, plain values or the reason they are none out.
 *
 * Read is what says how the edge fared. Paths, headers and addresses of callers stand in the same message and stay
 * there: they are the tenants' own, and nobody here has a use for them.
 */
import { fromBinary } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { Address } from '#gen/envoy/config/core/v3/address_pb.js';
import { type AccessLogCommon, AccessLogType } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { type StreamAccessLogsMessage, StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import { responseFlags } from './response-flags.ts';

export interface AccessLogRecord {
  readonly protocol: 'http' | 'tcp';
  /** `connected`: of a TCP connection, when its upstream stood; `end`: of a request or connection, when it was over. */
  readonly moment: 'connected' | 'end';
  /** That was chosen, empty where it did not come to that; behind a split route it says which share it was. Of TCP, the edge that was dialled. */
  readonly cluster: string;
  /** Name of the route; empty where it has none. */
  readonly route: string;
  /** HTTP status; 0 of a connection, and of a request that was never answered. */
  readonly status: number;
  /** Envoy's short names, such as `UO`, sorted. */
  readonly flags: readonly string[];
  /** From the first byte in to the last byte out, in ms; 0 of `connected`, where Envoy does not say. */
  readonly durationMs: number;
  /** `address:port`; empty where nobody was dialled. */
  readonly upstreamHost: string;
}

export type DecodedRecords =
  | {
      readonly kind: 'ok';
      readonly records: readonly AccessLogRecord[];
      /** Of this stream; said in its first message, and handed on with those after it. */
      readonly logName: string;
    }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'malformed' };

/** Largest message, in bytes. Envoy flushes at 16 KiB, or with the record that passes it, whose headers are 60 KiB at most. */
export const accessLogMessageBytesMax = 256 * 1_024;

/** @param logName that the stream gave itself before; empty at its first message. */
export function decodeAccessLog(bytes: Uint8Array, logName = ''): DecodedRecords {
  if (bytes.length > accessLogMessageBytesMax) return { kind: 'too-large' };
  try {
    const { logEntries, identifier } = fromBinary(StreamAccessLogsMessageSchema, bytes);
    const name = identifier?.logName ?? logName;
    return { kind: 'ok', logName: name, records: recordsOf(logEntries, name) };
  } catch {
    return { kind: 'malformed' };
  }
}

function recordsOf(entries: StreamAccessLogsMessage['logEntries'], logName: string): readonly AccessLogRecord[] {
  switch (entries.case) {
    case 'httpLogs':
      return entries.value.logEntry.map(({ commonProperties, response }) => ({
        protocol: 'http',
        ...commonOf(commonProperties),
        status: response?.responseCode ?? 0,
      }));
    case 'tcpLogs':
      return entries.value.logEntry.map(({ commonProperties }) => ({
        protocol: 'tcp',
        ...commonOf(commonProperties),
        cluster: logName,
        status: 0,
      }));
    case undefined:
      return [];
  }
}

function commonOf(common: AccessLogCommon | undefined) {
  return {
    moment: common?.accessLogType === AccessLogType.TcpUpstreamConnected ? 'connected' : 'end',
    cluster: common?.upstreamCluster ?? '',
    route: common?.routeName ?? '',
    flags: responseFlags(common?.responseFlags),
    durationMs: msOf(common?.timeToLastDownstreamTxByte ?? common?.duration),
    upstreamHost: hostOf(common?.upstreamRemoteAddress),
  } as const;
}

function msOf(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000;
}

function hostOf(address: Address | undefined): string {
  if (address?.address.case !== 'socketAddress') return '';
  const { address: host, portSpecifier } = address.address.value;
  return `${host.includes(':') ? `[${host}]` : host}:${portSpecifier.value ?? 0}`;
}
