import { create, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestMethod } from '#gen/envoy/config/core/v3/base_pb.js';
import {
  type AccessLogCommonSchema,
  AccessLogType,
  ResponseFlagsSchema,
} from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import type { AccessLogEntry } from '../../../src/evidence/access-log/access-log-entry.ts';
import {
  accessLogEntriesMax,
  accessLogMessageBytesMax,
  countEntries,
  decodeAccessLog,
  edgeRecord,
} from '../../../src/evidence/access-log/access-log-record.ts';
import { responseFlags } from '../../../src/evidence/access-log/response-flags.ts';
import { address, bytesOf, httpMessage, type MessageInit, tcpMessage, tls } from './log-messages.ts';

const web = 'spiffe://mesh.example/ns/shop/sa/web';

const common: MessageInitShape<typeof AccessLogCommonSchema> = {
  upstreamCluster: 'shop/api/80',
  routeName: 'all',
  startTime: { seconds: 1_800_000_000n, nanos: 42 },
  duration: { seconds: 2n },
  timeToLastDownstreamTxByte: { seconds: 1n, nanos: 250_000_000 },
  responseFlags: { upstreamOverflow: true },
  upstreamRemoteAddress: address('fd99::1:2', 8_080),
  downstreamRemoteAddress: address('192.0.2.1', 1),
  downstreamDirectRemoteAddress: address('10.0.0.9', 40_000),
  downstreamLocalAddress: address('10.0.0.7', 8_080),
  tlsProperties: tls('shop.mesh.coffre', web),
  streamId: '5c8b',
  connectionTerminationDetails: 'ended',
  downstreamTransportFailureReason: 'TLS_error',
  customTags: { traceparent: '00-aa-bb-01' },
  metadata: { filterMetadata: { 'envoy.filters.http.ext_authz': { verdict: 'deny', revision: 'r7', ms: 3 } } },
  accessLogType: AccessLogType.DownstreamEnd,
};

function entriesOf(message: MessageInit | Uint8Array, logName = ''): readonly AccessLogEntry[] {
  const decoded = decodeAccessLog(message instanceof Uint8Array ? message : bytesOf(message), logName);
  if (decoded.kind !== 'ok') throw new Error(decoded.kind);
  return decoded.entries;
}

describe('an access log message', () => {
  test('of requests tells who called whom, what became of it and why', () => {
    const request = {
      requestMethod: RequestMethod.POST,
      path: '/patients/4711?token=hunter2',
      authority: 'api',
      userAgent: 'curl',
      requestHeaders: { authorization: 'Bearer hunter2' },
    };
    const response = { responseCode: 503, responseCodeDetails: 'overflow' };
    expect(entriesOf(httpMessage('inbound-http', { commonProperties: common, request, response }))).toEqual([
      {
        protocol: 'http',
        moment: 'end',
        startedAt: '1800000000.000000042',
        durationMs: 1_250,
        downstream: { host: '10.0.0.9', port: 40_000 },
        local: { host: '10.0.0.7', port: 8_080 },
        upstream: { host: 'fd99::1:2', port: 8_080 },
        cluster: 'shop/api/80',
        route: 'all',
        flags: ['UO'],
        sni: 'shop.mesh.coffre',
        certificateUris: [web],
        status: 503,
        grpcStatus: '',
        details: 'overflow',
        termination: 'ended',
        transportFailure: 'TLS_error',
        streamId: '5c8b',
        request: { method: 'POST', host: 'api', path: '/patients/4711' },
        tags: new Map([['traceparent', '00-aa-bb-01']]),
        metadata: new Map([
          [
            'envoy.filters.http.ext_authz',
            new Map([
              ['verdict', 'deny'],
              ['revision', 'r7'],
            ]),
          ],
        ]),
      },
    ]);
  });

  test('tells a drill how the edge fared, and nothing that the tenants said to each other', () => {
    const request = { path: '/patients/4711', authority: 'api', userAgent: 'curl' };
    const message = httpMessage('requests', { commonProperties: common, request, response: { responseCode: 503 } });
    expect(entriesOf(message).map((entry) => edgeRecord(entry, 'requests'))).toEqual([
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
    ]);
  });

  test('of connections bears the name of the log, as a refused one names no cluster', () => {
    const accessLogType = AccessLogType.TcpUpstreamConnected;
    const upstreamRemoteAddress = address('10.99.1.2', 5_432);
    const edge = 'shop/db/5432';
    const message = tcpMessage(
      edge,
      { commonProperties: { accessLogType, upstreamRemoteAddress, upstreamCluster: edge } },
      { commonProperties: { responseFlags: { upstreamOverflow: true }, duration: { nanos: 500_000 } } },
    );
    expect(entriesOf(message).map((entry) => edgeRecord(entry, edge))).toMatchObject([
      { protocol: 'tcp', moment: 'connected', cluster: edge, upstreamHost: '10.99.1.2:5432', flags: [] },
      { protocol: 'tcp', moment: 'end', cluster: edge, upstreamHost: '', flags: ['UO'], durationMs: 0.5 },
    ]);
  });

  test('names its log once a stream, and what comes later is of the same', () => {
    const { identifier, ...later } = tcpMessage('shop/db/5432', {});
    expect(decodeAccessLog(bytesOf({ identifier, ...later }))).toMatchObject({ logName: 'shop/db/5432' });
    expect(decodeAccessLog(bytesOf(later), 'shop/db/5432')).toMatchObject({ logName: 'shop/db/5432' });
  });

  test('with neither is empty, and an entry with nothing in it is told as such', () => {
    expect(decodeAccessLog(bytesOf({}))).toEqual({ kind: 'ok', logName: '', entries: [] });
    expect(entriesOf(httpMessage('inbound-http', {}))).toMatchObject([
      { cluster: '', status: 0, flags: [], durationMs: 0, upstream: undefined, request: { method: '', path: '' } },
    ]);
  });

  test('that is no message is malformed, and one beyond the bound is not read', () => {
    expect(decodeAccessLog(Buffer.from('GET / HTTP/1.1'))).toEqual({ kind: 'malformed' });
    expect(decodeAccessLog(new Uint8Array(accessLogMessageBytesMax + 1))).toEqual({ kind: 'too-large' });
    const empty = Array.from({ length: accessLogEntriesMax + 1 }, () => ({}));
    expect(decodeAccessLog(bytesOf(httpMessage('inbound-http', ...empty)))).toEqual({ kind: 'too-large' });
    expect(entriesOf(httpMessage('inbound-http', ...empty.slice(1)))).toHaveLength(accessLogEntriesMax);
  });

  test('is counted without being read', () => {
    expect(countEntries(bytesOf(httpMessage('inbound-http', {}, {}, {})))).toBe(3);
    expect(countEntries(bytesOf(tcpMessage('inbound-listener', {})))).toBe(1);
    expect(countEntries(Buffer.from('GET / HTTP/1.1'))).toBe('malformed');
  });

  test('is not even counted where it is larger than any of Envoy: to look through megabytes is what its sender wants', () => {
    // Looked into, it would be malformed.
    expect(countEntries(new Uint8Array(accessLogMessageBytesMax + 1))).toBe('too-large');
    expect(countEntries(bytesOf(httpMessage('', ...Array.from({ length: accessLogEntriesMax + 1 }, () => ({})))))).toBe(
      'too-large',
    );
  });
});

describe('hostile content', () => {
  test('in one entry hides no other: a path that is not UTF-8 is read as far as it can be', () => {
    const marker = 'XXXX';
    const bytes = bytesOf(
      httpMessage('inbound-http', { request: { path: `/a${marker}` } }, { request: { path: '/victim' } }),
    );
    Buffer.from(bytes.buffer, bytes.byteOffset).write('\xff\xfe\xc0\x80', Buffer.from(bytes).indexOf(marker), 'latin1');
    expect(entriesOf(bytes).map(({ request }) => request?.path)).toEqual([`/a${'\ufffd'.repeat(4)}`, '/victim']);
  });

  const texts: readonly [what: string, path: string, kept: string][] = [
    ['a query is not kept', '/a?password=hunter2', '/a'],
    ['nor a fragment', '/a#hunter2', '/a'],
    ['nor who logs in by the address', 'http://user:hunter2@api/a?b', '/a'],
    ['nor an address that is longer than what is kept', `http://user:${'hunter2'.repeat(500)}@api/a`, ''],
    ['what is no path is not kept', 'user:hunter2@api', ''],
    ['the path of OPTIONS is', '*', '*'],
    ['a long one is cut', `/${'a'.repeat(2_000)}`, `/${'a'.repeat(1_023)}`],
    ['a character is not cut in two', `/${'a'.repeat(1_022)}\u{1f512}`, `/${'a'.repeat(1_022)}`],
    [
      'what moves the cursor or turns the text acts no more',
      '/\u001b[2J\r\n\u202e\u0000',
      '/\ufffd[2J\ufffd\ufffd\ufffd\ufffd',
    ],
  ];
  test.each(texts)('%s', (_, path, kept) => {
    expect(entriesOf(httpMessage('inbound-http', { request: { path } }))[0]?.request?.path).toBe(kept);
  });

  const hosts: readonly [what: string, authority: string, kept: string][] = [
    ['a host keeps its port', 'api:8080', 'api:8080'],
    ['and loses who logs in', 'user:hunter2@evil@api', 'api'],
    ['what is too long for a host is none', `user:${'hunter2'.repeat(60)}@api`, ''],
  ];
  test.each(hosts)('%s', (_, authority, kept) => {
    expect(entriesOf(httpMessage('inbound-http', { request: { authority } }))[0]?.request?.host).toBe(kept);
  });

  test('as numbers makes no number that is none', () => {
    const commonProperties: MessageInitShape<typeof AccessLogCommonSchema> = {
      duration: { seconds: -5n, nanos: -7 },
      startTime: { seconds: -1n, nanos: -1 },
      downstreamRemoteAddress: address('10.0.0.9', 4_294_967_295),
      downstreamLocalAddress: { address: { case: 'pipe', value: { path: '/run/sock' } } },
    };
    expect(entriesOf(tcpMessage('inbound-listener', { commonProperties }))).toMatchObject([
      { durationMs: 0, startedAt: '0.000000000', downstream: undefined, local: undefined },
    ]);
  });

  test('as bytes of any kind is read or refused, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const decoded = decodeAccessLog(bytes);
        expect(['ok', 'malformed']).toContain(decoded.kind);
        if (decoded.kind === 'ok') expect(countEntries(bytes)).toBe(decoded.entries.length);
      }),
    );
  });

  test('in the bytes of a real message is read or refused, and every text stays within its bounds', () => {
    const request = { path: '/a', authority: 'api', requestMethod: RequestMethod.GET };
    const real = bytesOf(httpMessage('inbound-http', { commonProperties: common, request }));
    const change = fc.record({ at: fc.nat(real.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(real.length), (changes, end) => {
        const bytes = real.slice(0, end);
        for (const { at, byte } of changes) if (at < end) bytes[at] = byte;
        const decoded = decodeAccessLog(bytes);
        const entries = decoded.kind === 'ok' ? decoded.entries : [];
        for (const entry of entries) {
          expect(entry.durationMs).toBeGreaterThanOrEqual(0);
          expect(entry.status).toBeGreaterThanOrEqual(0);
          expect(entry.downstream?.port ?? 0).toBeLessThanOrEqual(65_535);
          expect(JSON.stringify(entry).isWellFormed()).toBe(true);
        }
      }),
    );
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
});
