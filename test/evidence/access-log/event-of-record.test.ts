/** What a proxy logged and what it means: the rows are what Envoy 1.40.0 writes in each case. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestMethod } from '#gen/envoy/config/core/v3/base_pb.js';
import {
  type AccessLogCommon,
  type AccessLogCommonSchema,
  ResponseFlags_Unauthorized_Reason,
} from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { decodeAccessLog } from '../../../src/evidence/access-log/access-log-record.ts';
import {
  eventOfRecord,
  type LoggedEntry,
  type MeshDirectory,
} from '../../../src/evidence/access-log/event-of-record.ts';
import { evidenceLogOf } from '../../../src/evidence/access-log/log-names.ts';
import type { EvidenceEvent } from '../../../src/evidence/event.ts';
import { quarantineRule } from '../../../src/model/quarantine.ts';
import { address, bytesOf, httpMessage, type MessageInit, tcpMessage, tls } from './log-messages.ts';

const api = 'notaire/api-0';
const web = 'spiffe://mesh.example/ns/shop/sa/web';
const decision = '5c8b1c1e-7a5e-4a43-9d0a-0b8f4bb3e3a1';
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const atMs = 1_800_000_000_000;

const directory: MeshDirectory = {
  workloadAt: (host) =>
    new Map([
      ['10.0.0.9', 'shop/web-0'],
      ['10.0.0.7', api],
    ]).get(host),
  serviceAt: (host, port) => (host === '10.96.0.1' && port === 80 ? 'shop/cart' : undefined),
  spiffeIdOf: (workload) => (workload === api ? 'spiffe://mesh.example/ns/notaire/sa/api' : undefined),
  isDeclared: (workload, port) => workload === api && port === 8_080,
  samplePercent: () => 0.5,
};

/** By the log's name, as the service would hand it on. */
function eventsOf(message: MessageInit, proxy = api): readonly (EvidenceEvent | undefined)[] {
  const decoded = decodeAccessLog(bytesOf(message));
  if (decoded.kind !== 'ok') throw new Error(decoded.kind);
  return decoded.entries.map((entry) => {
    const log = evidenceLogOf(decoded.logName, entry.protocol);
    if (log === undefined) throw new Error(`\`${decoded.logName}\` is no evidence`);
    const cluster = log === 'opaque-edge' ? decoded.logName : entry.cluster;
    const logged: LoggedEntry = { ...entry, cluster, proxy, log, atMs };
    return eventOfRecord(logged, directory);
  });
}

/** Written down, and no finished message: those do not mix. */
type Common = Exclude<MessageInitShape<typeof AccessLogCommonSchema>, AccessLogCommon>;

/** From web-0 to port 8080 of api-0, with a good handshake. */
function inbound(
  code: number,
  details: string,
  more: Common = {},
  request = { authority: 'api', path: '/deeds?who=4711' },
) {
  return httpMessage('inbound-http', {
    commonProperties: { ...connection, streamId: decision, ...more },
    request: { requestMethod: RequestMethod.GET, ...request },
    response: { responseCode: code, responseCodeDetails: details },
  });
}

const connection = {
  startTime: { seconds: 1_800_000_000n, nanos: 42 },
  downstreamDirectRemoteAddress: address('10.0.0.9', 40_000),
  downstreamLocalAddress: address('10.0.0.7', 8_080),
  tlsProperties: tls('shop.mesh.coffre', web),
  customTags: { traceparent: `00-${trace}-00f067aa0ba902b7-01` },
};

/** A connection to api-0 that reached nobody. */
function refusedConnection(more: Common) {
  const { startTime, downstreamDirectRemoteAddress, downstreamLocalAddress } = connection;
  return tcpMessage('inbound-listener', {
    commonProperties: { startTime, downstreamDirectRemoteAddress, downstreamLocalAddress, ...more },
  });
}

const proven = { identity: web, address: '10.0.0.9:40000', workload: 'shop/web-0' };
const unknown = { address: '10.0.0.9:40000', workload: 'shop/web-0' };
const reached = { address: '10.0.0.7:8080', port: 8_080, workload: api };
const common = { id: expect.stringMatching(/^[dr]:.{3,62}$/), atMs, tenant: 'notaire', workload: api };
const decided = { ...common, decision, trace, from: proven, to: reached };
const undecided = { ...common, from: unknown, to: reached };
const asked = { host: 'api', method: 'GET', path: '/deeds' };
const authz = 'envoy.filters.http.ext_authz';
const inspected = {
  filterMetadata: { 'envoy.filters.listener.tls_inspector': { failure_reason: 'ClientHelloNotDetected' } },
};

const requests: readonly [what: string, message: MessageInit, event: object | undefined][] = [
  [
    'no rule of the proxy allows is a denial',
    inbound(403, 'rbac_access_denied_matched_policy[none]'),
    {
      ...decided,
      kind: 'denial',
      verdict: 'deny',
      by: 'proxy',
      reason: 'no-allow-rule',
      request: { ...asked, status: 403 },
    },
  ],
  [
    'a proxy refuses who is under quarantine says so',
    inbound(403, `rbac_access_denied_matched_policy[${quarantineRule}]`),
    {
      ...decided,
      kind: 'denial',
      verdict: 'deny',
      by: 'proxy',
      reason: 'quarantined',
      request: { ...asked, status: 403 },
    },
  ],
  [
    'a proxy refuses for a path that can be read in two ways is no rule’s doing',
    inbound(403, 'rbac_access_denied_matched_policy[coffre/unclean-path]'),
    {
      ...decided,
      kind: 'denial',
      verdict: 'deny',
      by: 'proxy',
      reason: 'unclean-path',
      request: { ...asked, status: 403 },
    },
  ],
  [
    'a proxy refuses for a host that is none is no rule’s doing',
    inbound(403, 'rbac_access_denied_matched_policy[coffre/bad-host]'),
    {
      ...decided,
      kind: 'denial',
      verdict: 'deny',
      by: 'proxy',
      reason: 'bad-host',
      request: { ...asked, status: 403 },
    },
  ],
  [
    'a rule of the proxy denies names it, and a gRPC one is answered 200',
    inbound(200, 'rbac_access_denied_matched_policy[access-policy/notaire/no-admin/deny/0]'),
    {
      ...decided,
      kind: 'denial',
      verdict: 'deny',
      by: 'proxy',
      reason: 'deny-rule',
      rule: 'access-policy/notaire/no-admin/deny/0',
      request: { ...asked, status: 200 },
    },
  ],
  [
    'the worker denies tells its reason, rule and revision',
    inbound(403, 'ext_authz_denied', {
      metadata: {
        filterMetadata: {
          [authz]: { verdict: 'deny', reason: 'outside-grant', rule: 'grant/notaire/deeds', revision: 'r7' },
        },
      },
      responseFlags: { unauthorizedDetails: { reason: ResponseFlags_Unauthorized_Reason.EXTERNAL_SERVICE } },
    }),
    {
      ...decided,
      kind: 'denial',
      verdict: 'deny',
      by: 'worker',
      reason: 'outside-grant',
      rule: 'grant/notaire/deeds',
      revision: 'r7',
      request: { ...asked, status: 403 },
    },
  ],
  [
    'the worker denies without a word is a denial all the same',
    inbound(403, 'ext_authz_denied'),
    {
      ...decided,
      kind: 'denial',
      verdict: 'deny',
      by: 'worker',
      reason: 'ext_authz_denied',
      request: { ...asked, status: 403 },
    },
  ],
  [
    'nobody could judge is told as that',
    inbound(503, 'ext_authz_error'),
    {
      ...decided,
      kind: 'denial',
      verdict: 'unavailable',
      by: 'proxy',
      reason: 'ext_authz_error',
      request: { ...asked, status: 503 },
    },
  ],
  [
    'the proxy takes for no HTTP is a denial without a decision and without a request',
    httpMessage('inbound-http', {
      commonProperties: { ...connection, customTags: {}, responseFlags: { downstreamProtocolError: true } },
      response: { responseCode: 400, responseCodeDetails: 'http1.codec_error' },
    }),
    {
      ...common,
      kind: 'denial',
      from: proven,
      to: reached,
      verdict: 'deny',
      by: 'proxy',
      reason: 'http1.codec_error',
    },
  ],
  [
    'was allowed stands for those that were not sampled',
    inbound(200, 'via_upstream', { duration: { nanos: 5_000_000 } }),
    {
      ...decided,
      kind: 'request',
      verdict: 'allow',
      standsFor: 200,
      durationMs: 5,
      request: { ...asked, status: 200 },
    },
  ],
  [
    'the application refuses is no denial, and each is logged',
    inbound(403, 'via_upstream'),
    { ...decided, kind: 'request', verdict: 'allow', standsFor: 1, durationMs: 0, request: { ...asked, status: 403 } },
  ],
  [
    'a drill aborts had been allowed',
    inbound(503, 'fault_filter_abort', { responseFlags: { faultInjected: true } }),
    { ...decided, kind: 'request', verdict: 'allow', standsFor: 1, durationMs: 0, request: { ...asked, status: 503 } },
  ],
  [
    'its caller gave up is nothing',
    inbound(0, 'downstream_remote_disconnect', { responseFlags: { downstreamConnectionTermination: true } }),
    undefined,
  ],
  ['says nothing of why is nothing', inbound(200, ''), undefined],
  [
    'was cut off at the application had been allowed',
    inbound(503, 'local_reset', {
      upstreamRemoteAddress: address('127.0.0.1', 8_080),
      responseFlags: { localReset: true },
    }),
    {
      ...decided,
      kind: 'request',
      verdict: 'allow',
      standsFor: 1,
      durationMs: 0,
      request: { ...asked, status: 503 },
    },
  ],
];

const connections: readonly [what: string, message: MessageInit, event: object | undefined][] = [
  [
    'plaintext is an attempt',
    refusedConnection({
      responseFlags: { noRouteFound: true },
      downstreamTransportFailureReason:
        'TLS_error|error:10000155:SSL routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end',
      metadata: inspected,
    }),
    { ...undecided, kind: 'plaintext-attempt', silent: false },
  ],
  [
    'silence is an attempt too',
    refusedConnection({ duration: { seconds: 1n } }),
    { ...undecided, kind: 'plaintext-attempt', silent: true },
  ],
  [
    'an SNI that names no caller of this port is a failed handshake',
    refusedConnection({ responseFlags: { noRouteFound: true }, tlsProperties: { tlsSniHostname: 'evil.mesh.coffre' } }),
    { ...undecided, kind: 'handshake-failure', sni: 'evil.mesh.coffre', reason: 'filter_chain_not_found' },
  ],
  [
    'TLS without an SNI is one',
    refusedConnection({ responseFlags: { noRouteFound: true } }),
    { ...undecided, kind: 'handshake-failure', sni: '', reason: 'filter_chain_not_found' },
  ],
  [
    'a certificate of another CA is one, and the name in it a claim',
    refusedConnection({
      tlsProperties: tls('shop.mesh.coffre', web),
      downstreamTransportFailureReason: 'TLS_error:|CERTIFICATE_VERIFY_FAILED',
    }),
    {
      ...undecided,
      from: { claimed: web, ...unknown },
      kind: 'handshake-failure',
      sni: 'shop.mesh.coffre',
      reason: 'TLS_error:|CERTIFICATE_VERIFY_FAILED',
    },
  ],
  [
    'a certificate of which nobody says that it failed proves nothing either',
    refusedConnection({ tlsProperties: tls('shop.mesh.coffre', web) }),
    {
      ...undecided,
      from: { claimed: web, ...unknown },
      kind: 'handshake-failure',
      sni: 'shop.mesh.coffre',
      reason: 'connection_closed',
    },
  ],
  [
    'what dials a port that nothing declares is told as that, whatever it spoke',
    refusedConnection({
      downstreamLocalAddress: address('10.0.0.7', 22),
      responseFlags: { noRouteFound: true },
      metadata: inspected,
    }),
    {
      ...undecided,
      to: { address: '10.0.0.7:22', port: 22, workload: api },
      kind: 'undeclared-port',
      direction: 'inbound',
    },
  ],
  [
    'a handshake that takes too long is one',
    refusedConnection({
      tlsProperties: tls('shop.mesh.coffre'),
      connectionTerminationDetails: 'transport socket timeout was reached',
    }),
    {
      ...undecided,
      kind: 'handshake-failure',
      sni: 'shop.mesh.coffre',
      reason: 'transport socket timeout was reached',
    },
  ],
  [
    'what the proxy ends after the handshake is told by its requests',
    refusedConnection({ tlsProperties: tls('shop.mesh.coffre', web), connectionTerminationDetails: 'codec_error' }),
    undefined,
  ],
  [
    'a rule turns away after the handshake has an identity',
    refusedConnection({
      tlsProperties: tls('shop.mesh.coffre', web),
      connectionTerminationDetails: 'rbac_access_denied_matched_policy[none]',
    }),
    { ...undecided, from: proven, kind: 'denial', verdict: 'deny', by: 'proxy', reason: 'no-allow-rule' },
  ],
  [
    'whose application is not there was allowed',
    refusedConnection({
      responseFlags: { upstreamConnectionFailure: true },
      upstreamRemoteAddress: address('127.0.0.1', 8_080),
    }),
    undefined,
  ],
];

const itself = { identity: 'spiffe://mesh.example/ns/notaire/sa/api', address: '10.0.0.7:41000', workload: api };
const leaving = {
  startTime: connection.startTime,
  downstreamDirectRemoteAddress: address('10.0.0.7', 41_000),
  downstreamLocalAddress: address('10.96.0.1', 80),
};
const own = { ...common, from: itself };

const outbound: readonly [what: string, message: MessageInit, event: object | undefined][] = [
  [
    'a breaker turned away is an overflow',
    httpMessage('outbound-http', {
      commonProperties: {
        ...leaving,
        streamId: 'its own',
        upstreamCluster: 'shop/cart/80',
        responseFlags: { upstreamOverflow: true },
      },
      request: { requestMethod: RequestMethod.PUT, authority: 'cart', path: '/c?x' },
      response: { responseCode: 503, responseCodeDetails: 'upstream_reset_before_response_started{overflow}' },
    }),
    {
      ...own,
      kind: 'breaker-overflow',
      flags: ['UO'],
      to: { address: '10.96.0.1:80', port: 80, cluster: 'shop/cart/80' },
      request: { host: 'cart', method: 'PUT', path: '/c', status: 503 },
    },
  ],
  [
    'of an opaque edge is one of the edge that the log is named by',
    tcpMessage('shop/db/5432', { commonProperties: { ...leaving, responseFlags: { upstreamOverflow: true } } }),
    {
      ...own,
      kind: 'breaker-overflow',
      flags: ['UO'],
      to: { address: '10.96.0.1:80', port: 80, cluster: 'shop/db/5432' },
    },
  ],
  [
    'that found nobody there tells whom it tried',
    tcpMessage('shop/db/5432', {
      commonProperties: {
        ...leaving,
        upstreamRemoteAddress: address('10.0.0.9', 5_432),
        responseFlags: { upstreamConnectionFailure: true, upstreamRetryLimitExceeded: true },
      },
    }),
    {
      ...own,
      kind: 'breaker-overflow',
      flags: ['UF', 'URX'],
      to: { address: '10.0.0.9:5432', port: 5_432, workload: 'shop/web-0', cluster: 'shop/db/5432' },
    },
  ],
  [
    'to where nothing listens was stopped at the caller',
    tcpMessage('outbound-listener', {
      commonProperties: {
        ...leaving,
        downstreamLocalAddress: address('10.96.0.1', 81),
        responseFlags: { noRouteFound: true },
      },
    }),
    { ...own, kind: 'undeclared-port', direction: 'outbound', to: { address: '10.96.0.1:81', port: 81 } },
  ],
  [
    'to a service without a way there names the service',
    tcpMessage('outbound-listener', { commonProperties: { ...leaving, responseFlags: { noRouteFound: true } } }),
    {
      ...own,
      kind: 'undeclared-port',
      direction: 'outbound',
      to: { address: '10.96.0.1:80', port: 80, service: 'shop/cart' },
    },
  ],
  [
    'that the application answered 500 is the application’s',
    httpMessage('outbound-http', {
      commonProperties: leaving,
      response: { responseCode: 500, responseCodeDetails: 'via_upstream' },
    }),
    undefined,
  ],
];

describe('a request that', () => {
  test.each(requests)('%s', (_, message, event) => expect(eventsOf(message)).toEqual([event]));
});

describe('a connection:', () => {
  test.each(connections)('%s', (_, message, event) => expect(eventsOf(message)).toEqual([event]));
});

describe('on its way out, what', () => {
  test.each(outbound)('%s', (_, message, event) => expect(eventsOf(message)).toEqual([event]));
});

describe('an event', () => {
  const [denied] = eventsOf(inbound(403, 'rbac_access_denied_matched_policy[none]'));

  test.each([
    ['was over, though told later', 1_799_999_999_000n, 250, atMs - 750],
    ['was over, and began long before', 1_799_999_900_000n, 99_500, atMs - 500],
    ['was told, of one that was over too long ago', 1_799_999_994_999n, 0, atMs],
    ['was told, of one that is not over yet', 1_800_000_000_000n, 1, atMs],
    ['was told, by a clock that says nothing', 0n, 0, atMs],
    ['was told, by a clock beyond all time', 2n ** 60n, 0, atMs],
  ])('is of when it %s', (_, startMs, durationMs, expected) => {
    const startTime = { seconds: startMs / 1_000n, nanos: Number(startMs % 1_000n) * 1_000_000 };
    const duration = { seconds: BigInt(Math.floor(durationMs / 1_000)), nanos: (durationMs % 1_000) * 1_000_000 };
    const [request] = eventsOf(inbound(200, 'via_upstream', { startTime, duration }));
    const [attempt] = eventsOf(refusedConnection({ startTime, duration }));
    expect([request?.atMs, attempt?.atMs]).toEqual([expected, expected]);
  });

  test('is the same one if it is told twice, and another of another moment, caller, request or proxy', () => {
    const message = (more: Common) => refusedConnection({ duration: { seconds: 1n }, ...more });
    const idOf = (init: MessageInit, proxy?: string) => eventsOf(init, proxy)[0]?.id;
    const ids = [
      idOf(message({})),
      idOf(message({ startTime: { seconds: 1_800_000_000n, nanos: 43 } })),
      idOf(message({ downstreamDirectRemoteAddress: address('10.0.0.9', 40_001) })),
      idOf(message({ downstreamLocalAddress: address('10.0.0.7', 22) })),
      idOf(message({}), 'notaire/api-1'),
      idOf(inbound(403, 'rbac_access_denied_matched_policy[none]')),
      idOf(inbound(403, 'rbac_access_denied_matched_policy[none]', { streamId: 'another' })),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    expect(idOf(message({}))).toBe(ids[0]);
    for (const id of ids) expect(id?.length).toBeLessThanOrEqual(64);
  });

  test('of a decision cannot be told in advance by another proxy that learned its id', () => {
    const message = inbound(403, 'rbac_access_denied_matched_policy[none]');
    const [stolen] = eventsOf(message, 'shop/web-0');
    expect(stolen).toMatchObject({ decision, tenant: 'shop' });
    expect(stolen?.id).not.toBe(denied?.id);
  });

  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom(
      '"},"tenant":"bank",',
      '\r\n{"kind":"denial"}',
      '\u202e',
      '__proto__',
      `d:${decision}`,
      web,
      'rbac_access_denied_matched_policy[none]',
    ),
  );

  test('is changed in its path and host alone by what they say', () => {
    fc.assert(
      fc.property(hostile, hostile, (path, authority) => {
        const [event] = eventsOf(inbound(403, 'rbac_access_denied_matched_policy[none]', {}, { path, authority }));
        const texts = { host: expect.any(String), path: expect.any(String) };
        expect(event).toEqual({ ...denied, request: { method: 'GET', status: 403, ...texts } });
      }),
    );
  });

  test('of a failed handshake is changed in what it claims alone by SNI and certificate', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (sni, uri, reason) => {
        const [event] = eventsOf(
          refusedConnection({ tlsProperties: tls(sni, uri), downstreamTransportFailureReason: `TLS_error:|${reason}` }),
        );
        const claimed = uri === '' ? {} : { claimed: expect.any(String) };
        const from = { ...unknown, ...claimed };
        const texts = { sni: expect.any(String), reason: expect.stringMatching(/^TLS_error:/) };
        expect(event).toEqual({ ...undecided, from, kind: 'handshake-failure', ...texts });
      }),
    );
  });

  test('SEC-58 holds no query, header, cookie, name of a user or other secret', () => {
    const word = fc.stringMatching(/^[a-z0-9]{4,12}$/);
    const codes = fc.constantFrom('via_upstream', 'rbac_access_denied_matched_policy[none]', 'ext_authz_denied');
    fc.assert(
      fc.property(word, codes, (chosen, details) => {
        const secret = `secret-${chosen}`;
        const message = httpMessage('inbound-http', {
          commonProperties: {
            ...connection,
            streamId: decision,
            tlsProperties: { ...connection.tlsProperties, tlsSessionId: secret },
            customTags: { ...connection.customTags, authorization: secret },
            metadata: { filterMetadata: { 'envoy.filters.http.jwt_authn': { token: secret } } },
          },
          request: {
            requestMethod: RequestMethod.GET,
            path: `/deeds?token=${secret}`,
            originalPath: `/${secret}`,
            authority: `user:${secret}@api`,
            userAgent: secret,
            referer: secret,
            forwardedFor: secret,
            requestHeaders: { authorization: `Bearer ${secret}`, cookie: secret },
          },
          response: {
            responseCode: 403,
            responseCodeDetails: details,
            responseHeaders: { 'set-cookie': secret },
            responseTrailers: { 'x-token': secret },
          },
        });
        const text = JSON.stringify(eventsOf(message));
        expect(text).toContain('"/deeds"');
        expect(text).not.toContain(secret);
      }),
    );
  });

  test('of gRPC that failed stands for itself, and of gRPC that went well for a share', () => {
    const standsFor = (response: {
      responseTrailers?: Record<string, string>;
      responseHeaders?: Record<string, string>;
    }) => {
      const answered = { responseCode: 200, responseCodeDetails: 'via_upstream', ...response };
      const request = { requestMethod: RequestMethod.POST, path: '/deeds.Deeds/Read' };
      return eventsOf(httpMessage('inbound-http', { commonProperties: connection, request, response: answered }))[0];
    };
    expect(standsFor({ responseTrailers: { 'grpc-status': '13' } })).toMatchObject({ standsFor: 1 });
    expect(standsFor({ responseHeaders: { 'grpc-status': '5' } })).toMatchObject({ standsFor: 1 });
    expect(standsFor({ responseTrailers: { 'grpc-status': '0' } })).toMatchObject({ standsFor: 200 });
  });

  test('has a trace only where the caller’s header names one', () => {
    const traceOf = (traceparent: string) =>
      eventsOf(inbound(200, 'via_upstream', { customTags: { traceparent } }))[0]?.trace;
    expect(traceOf(`00-${trace}-00f067aa0ba902b7-01`)).toBe(trace);
    for (const bad of [
      '',
      trace,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
    ]) {
      expect(traceOf(bad)).toBeUndefined();
    }
  });

  test('names nobody by a certificate with two names', () => {
    const [event] = eventsOf(
      inbound(200, 'via_upstream', { tlsProperties: tls('shop.mesh.coffre', web, 'spiffe://x/ns/y/sa/z') }),
    );
    expect(event).toMatchObject({ from: unknown });
    expect(event).not.toHaveProperty('from.identity');
  });
});
