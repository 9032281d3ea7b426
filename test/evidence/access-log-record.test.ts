import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import {
  type AccessLogCommonSchema,
  AccessLogType,
  type HTTPAccessLogEntrySchema,
  ResponseFlagsSchema,
  type TCPAccessLogEntrySchema,
} from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import { accessLogMessageBytesMax, decodeAccessLog } from '../../src/evidence/access-log-record.ts';
import { responseFlags } from '../../src/evidence/response-flags.ts';

type Entries = MessageInitShape<typeof StreamAccessLogsMessageSchema>['logEntries'] & object;

function bytesOf(logEntries?: Entries, logName?: string): Uint8Array {
  const message = create(StreamAccessLogsMessageSchema, {
    ...(logEntries === undefined ? {} : { logEntries }),
    ...(logName === undefined ? {} : { identifier: { logName } }),
  });
  return toBinary(StreamAccessLogsMessageSchema, message);
}

const common: MessageInitShape<typeof AccessLogCommonSchema> = {
  upstreamCluster: 'shop/api/80',
  routeName: 'all',
  duration: { seconds: 2n },
  timeToLastDownstreamTxByte: { seconds: 1n, nanos: 250_000_000 },
  responseFlags: { upstreamOverflow: true },
  upstreamRemoteAddress: address('fd99::1:2', 8_080),
  accessLogType: AccessLogType.DownstreamEnd,
};

function address(host: string, port: number) {
  const portSpecifier = { case: 'portValue', value: port } as const;
  return { address: { case: 'socketAddress', value: { address: host, portSpecifier } } } as const;
}

function http(...logEntry: MessageInitShape<typeof HTTPAccessLogEntrySchema>[]): Entries {
  return { case: 'httpLogs', value: { logEntry } };
}

function tcp(...logEntry: MessageInitShape<typeof TCPAccessLogEntrySchema>[]): Entries {
  return { case: 'tcpLogs', value: { logEntry } };
}

describe('an access log message', () => {
  test('of requests tells how each fared, and nothing that the tenants said to each other', () => {
    const request = { path: '/patients/4711', authority: 'api', userAgent: 'curl' };
    const message = http({ commonProperties: common, request, response: { responseCode: 503 } });
    expect(decodeAccessLog(bytesOf(message))).toEqual({
      kind: 'ok',
      logName: '',
      records: [
        {
          protocol: 'http',
          moment: 'end',
          cluster: 'shop/api/80',
          route: 'all',
          status: 503,
          flags: ['UO'],
          durationMs: 1_250,
          upstreamHost: '[fd99::1:2]:8080',
        },
      ],
    });
  });

  test('of connections bears the name of the log, as a refused one names no cluster', () => {
    const accessLogType = AccessLogType.TcpUpstreamConnected;
    const upstreamRemoteAddress = address('10.99.1.2', 5_432);
    const message = tcp(
      { commonProperties: { accessLogType, upstreamRemoteAddress, upstreamCluster: 'shop/db/5432' } },
      { commonProperties: { responseFlags: { upstreamOverflow: true }, duration: { nanos: 500_000 } } },
    );
    const decoded = decodeAccessLog(bytesOf(message, 'shop/db/5432'));
    expect(decoded).toMatchObject({
      kind: 'ok',
      logName: 'shop/db/5432',
      records: [
        { protocol: 'tcp', moment: 'connected', cluster: 'shop/db/5432', upstreamHost: '10.99.1.2:5432', flags: [] },
        { protocol: 'tcp', moment: 'end', cluster: 'shop/db/5432', upstreamHost: '', flags: ['UO'], durationMs: 0.5 },
      ],
    });
    // The name is said once a stream.
    expect(decodeAccessLog(bytesOf(message), 'shop/db/5432')).toEqual(decoded);
  });

  test('with neither is empty, and an entry with nothing in it is told as such', () => {
    expect(decodeAccessLog(bytesOf())).toEqual({ kind: 'ok', logName: '', records: [] });
    expect(decodeAccessLog(bytesOf(http({})))).toMatchObject({
      records: [{ cluster: '', status: 0, flags: [], durationMs: 0, upstreamHost: '' }],
    });
  });

  test('that is no message is malformed, and one beyond the bound is not read', () => {
    expect(decodeAccessLog(Buffer.from('GET / HTTP/1.1'))).toEqual({ kind: 'malformed' });
    expect(decodeAccessLog(new Uint8Array(accessLogMessageBytesMax + 1))).toEqual({ kind: 'too-large' });
  });
});

test('every flag of Envoy has a short name, and no two the same', () => {
  const fields = ResponseFlagsSchema.fields.map(({ localName }) => localName);
  const all = create(ResponseFlagsSchema, {
    ...Object.fromEntries(fields.map((field) => [field, true])),
    unauthorizedDetails: {},
  });
  expect(new Set(responseFlags(all)).size).toBe(fields.length);
  expect(responseFlags(create(ResponseFlagsSchema))).toEqual([]);
  expect(responseFlags(undefined)).toEqual([]);
});
