/** The access log service over a real socket with certificates, and a client that behaves as Envoy does. */
import { credentials, status } from '@grpc/grpc-js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { AccessLogService } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import {
  type AccessLogEvent,
  addAccessLogService,
  type ProxyRecord,
} from '../../../src/evidence/access-log/access-log-service.io.ts';
import type { LoggedEntry } from '../../../src/evidence/access-log/event-of-record.ts';
import { lossWindowMs } from '../../../src/evidence/access-log/loss-tally.ts';
import { defaultLogRates, type LogRates } from '../../../src/evidence/access-log/record-budgets.ts';
import { createGrpcServer } from '../../../src/grpc/grpc-server.ts';
import type { Authority } from '../../../src/identity/authority.ts';
import { cart, clientLeaf, serverLeaf, testAuthority } from '../../grpc/authority.ts';
import { admitAs, reporter } from '../../grpc/report-server.ts';
import { TestClock } from '../../xds/test-clock.ts';
import { bytesOf, httpMessage, type MessageInit, tcpMessage } from './log-messages.ts';

const { streamAccessLogs } = AccessLogService.method;
/** Whose certificate every client here shows. */
const ours = 'shop/cart-0';

let authority: Authority;
beforeAll(async () => {
  authority = await testAuthority();
});

/** Of two workloads, each with a service account of its own. */
function spiffeIdOf(workload: string): string | undefined {
  return new Map([
    [ours, cart],
    ['shop/web-0', 'spiffe://mesh.example/ns/shop/sa/web'],
  ]).get(workload);
}

async function started(rates: Partial<LogRates> = {}) {
  const clock = new TestClock();
  const records: ProxyRecord[] = [];
  const seen: LoggedEntry[] = [];
  const events: AccessLogEvent[] = [];
  // As the control plane's own: who has no certificate gets as far as to be refused by name.
  const server = createGrpcServer({
    address: '127.0.0.1:0',
    tls: { ...serverLeaf(authority), clientCaPem: authority.rootPem },
    requireClientCertificate: false,
  });
  addAccessLogService(
    server,
    {
      clock,
      admit: admitAs,
      spiffeIdOf,
      logged: (record) => void records.push(record),
      seen: (entry) => void seen.push(entry),
      observe: (event) => void events.push(event),
    },
    { ...defaultLogRates, ...rates },
  );
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);
  onTestFinished(async () => void (await server.close(0)));
  const address = `127.0.0.1:${bound.port}`;
  return { clock, records, seen, events, address };
}

function certified() {
  const { certificateChainPem, privateKeyPem } = clientLeaf(authority);
  const [root, key, chain] = [authority.rootPem, privateKeyPem.reveal(), certificateChainPem].map((pem) =>
    Buffer.from(pem),
  );
  return credentials.createSsl(root ?? null, key ?? null, chain ?? null);
}

function proxy(address: string, as: string | undefined = ours) {
  return reporter(address, streamAccessLogs, as, certified());
}

test('a record bears the name of the credentials, whatever node the stream claims to be', async () => {
  const { address, records, clock } = await started();
  const { logEntries } = tcpMessage('', { commonProperties: {} });
  const stream = proxy(address);
  stream.send({ logEntries, identifier: { node: { id: 'shop/somebody-else' }, logName: 'shop/db/5432' } });
  stream.send({ logEntries });
  await expect.poll(() => records).toHaveLength(2);
  for (const record of records) {
    expect(record).toMatchObject({ proxy: ours, cluster: 'shop/db/5432', atMs: clock.nowMs() });
  }
  stream.end();
  expect(await stream.status).toBe(status.OK);
});

const failed = { commonProperties: { responseFlags: { upstreamOverflow: true } } };
const logs: readonly [name: string, message: MessageInit, seen: readonly object[], logged: number][] = [
  ['of requests that came in is evidence', httpMessage('inbound-http', {}), [{ log: 'inbound-http', proxy: ours }], 0],
  ['of connections that reached nobody is evidence', tcpMessage('inbound-listener', {}), [{ protocol: 'tcp' }], 0],
  ['that a drill switched on is how the edge fared', httpMessage('requests', failed), [], 1],
  [
    'of an opaque edge is that, and where it failed evidence too',
    tcpMessage('shop/db/5432', {}, failed),
    [{ log: 'opaque-edge', cluster: 'shop/db/5432', flags: ['UO'] }],
    2,
  ],
];
test.each(logs)('a log %s', async (_, message, wanted, logged) => {
  const { address, records, seen } = await started();
  const stream = proxy(address);
  stream.send(message);
  stream.end();
  await stream.status;
  expect(seen).toMatchObject(wanted);
  expect(records).toHaveLength(logged);
});

const impostors: readonly [who: string, as: string | undefined, reason: string][] = [
  ['nobody in particular', undefined, 'nobody in particular'],
  ['a workload by its token, with the certificate of another', 'shop/web-0', `certificate that of \`${cart}\``],
  ['a workload that is not in the mesh', 'shop/gone-0', 'its token is that of `shop/gone-0`'],
];
test.each(impostors)('%s is refused, told of, and not heard', async (_, as, reason) => {
  const { address, seen, events } = await started();
  const stream = reporter(address, streamAccessLogs, as, certified());
  stream.send(httpMessage('inbound-http', {}));
  expect([status.UNAUTHENTICATED, status.PERMISSION_DENIED]).toContain(await stream.status);
  expect(seen).toEqual([]);
  expect(events).toMatchObject([{ kind: 'refused', reason: expect.stringContaining(reason) }]);
});

test('a token without a certificate is refused: it may be stolen', async () => {
  const { address, seen, events } = await started();
  const uncertified = credentials.createSsl(Buffer.from(authority.rootPem));
  const stream = reporter(address, streamAccessLogs, ours, uncertified);
  stream.send(httpMessage('inbound-http', {}));
  expect(await stream.status).toBe(status.PERMISSION_DENIED);
  expect(seen).toEqual([]);
  expect(events).toMatchObject([{ kind: 'refused', reason: expect.stringContaining('certificate that of nobody') }]);
});

test('messages that make no sense are counted and told once, and the next one is heard', async () => {
  const { address, seen, events, clock } = await started();
  const stream = proxy(address);
  stream.sendBytes(Buffer.from('no message'));
  stream.sendBytes(Buffer.from('nor this'));
  stream.send(httpMessage('inbound-http', {}));
  await expect.poll(() => seen).toHaveLength(1);
  clock.advance(lossWindowMs);
  expect(events.slice(1)).toEqual([{ kind: 'log-dropped', key: ours, why: 'malformed', count: 2 }]);
});

test('a proxy that floods is heard up to its rate, told of once, and heard again later', async () => {
  const { address, seen, events, clock } = await started({ records: { perSecond: 2, burst: 3 } });
  const stream = proxy(address);
  const two = httpMessage('inbound-http', {}, {});
  for (const message of [two, two, two, two]) stream.send(message);
  // What a drill measures by is heard to the end.
  const drilled = proxy(address);
  drilled.send(httpMessage('requests', {}));
  drilled.end();
  await drilled.status;
  // What holds it back, and the next judgement of who it is.
  await expect.poll(() => clock.armed).toBe(2);
  stream.send(two);
  stream.end();
  await stream.status;
  expect(seen).toHaveLength(3);
  clock.advance(lossWindowMs);
  expect(events.filter(({ kind }) => kind === 'log-dropped')).toEqual([
    { kind: 'log-dropped', key: ours, why: 'too-many', count: 7 },
  ]);
  const again = proxy(address);
  again.send(two);
  again.end();
  await again.status;
  expect(seen).toHaveLength(5);
  expect(clock.armed).toBe(0);
});

test('a log that a drill asks for has a budget, too, and much more of it', async () => {
  const { address, records, events, clock } = await started({ edges: { perSecond: 1, burst: 2 } });
  const stream = proxy(address);
  for (let sent = 0; sent < 3; sent += 1) stream.send(httpMessage('requests', {}, {}));
  stream.end();
  await stream.status;
  expect(records).toHaveLength(2);
  clock.advance(lossWindowMs);
  expect(events.filter(({ kind }) => kind === 'log-dropped')).toMatchObject([{ why: 'too-many', count: 4 }]);
});

test('a proxy that sends more than is taken off the wire waits, and loses nothing', async () => {
  const one = httpMessage('inbound-http', { commonProperties: { streamId: 'x'.repeat(1_000) } });
  const { length } = bytesOf(one);
  const { address, seen, clock } = await started({ bytes: { perSecond: length, burst: length } });
  const stream = proxy(address);
  for (let sent = 0; sent < 5; sent += 1) stream.send(one);
  stream.end();
  await expect.poll(() => clock.armed).toBe(2);
  const before = seen.length;
  expect(before).toBeLessThan(5);
  await expect
    .poll(() => {
      clock.advance(1_000);
      return seen.length;
    })
    .toBe(5);
  expect(await stream.status).toBe(status.OK);
});
