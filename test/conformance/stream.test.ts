/** Who is served, and what ends a stream: XDS-01 to XDS-11, XDS-55. */
import { constants } from 'node:http2';
import { status as grpcStatus } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  admissionWaitMs,
  namesPerTypeMax,
  requestBytesMax,
  streamsPerClientMax,
  typesPerStreamMax,
  writeStallMs,
} from '../../src/xds/limits.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';
import { accept, type Session, silence } from './session.ts';
import { openDeltaStream, openSession, openSotwStream } from './sessions.ts';
import { openUnreadStream } from './unread-stream.ts';

let server: ServerUnderTest;

beforeEach(async () => {
  server = await startServer();
  server.set('a', { listener: { A: 'of a' } });
  server.set('b', { listener: { B: 'of b' } });
});
afterEach(() => server.stop());

const open = { sotw: openSotwStream, delta: openDeltaStream };

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  test('XDS-01 later requests without a node are served as the first node', async () => {
    const session = openSession(kind, server.address, 'a');
    session.subscribeSilently('listener');
    expect((await accept(session, 'listener')).resources).toEqual({ A: 'of a' });
    session.subscribe('runtime', ['probe-0']);
    await accept(session, 'runtime');
    session.close();
  });

  test.each([
    ['no node', {}],
    ['an empty node id', { node: { id: '' } }],
  ])('XDS-02 a first request with %s ends the stream with INVALID_ARGUMENT, and leaves nothing', async (_, node) => {
    const stream = open[kind](server.address);
    stream.send({ typeUrl: typeUrls.listener, ...node });
    expect((await stream.status).code).toBe(grpcStatus.INVALID_ARGUMENT);
    expect(server.status()).toEqual([]);
    expect(server.clock.armed).toBe(0);
    stream.close();
  });

  test('XDS-03 a later request that names another node is served as the first one', async () => {
    const stream = open[kind](server.address);
    stream.send({ node: { id: 'a' }, typeUrl: typeUrls.runtime });
    stream.send({ node: { id: 'b' }, typeUrl: typeUrls.listener });
    const { resources } = await stream.next();
    expect(resources).toHaveLength(1);
    expect(JSON.stringify(resources)).toBe(JSON.stringify((await firstListeners(kind, 'a')).resources));
    expect(server.events).toContainEqual(expect.objectContaining({ kind: 'node-ignored', key: 'a' }));
    stream.close();
  });

  async function firstListeners(wire: 'sotw' | 'delta', id: string) {
    const stream = open[wire](server.address);
    stream.send({ node: { id }, typeUrl: typeUrls.listener });
    const response = await stream.next();
    stream.close();
    return response;
  }

  test('XDS-04 an empty type_url ends the stream with INVALID_ARGUMENT', async () => {
    const stream = open[kind](server.address);
    stream.send({ node: { id: 'a' } });
    expect((await stream.status).code).toBe(grpcStatus.INVALID_ARGUMENT);
    stream.close();
  });

  test('XDS-05 unknown types are answered by silence, the others are served, and memory is bounded', async () => {
    const stream = open[kind](server.address);
    stream.send({ node: { id: 'a' }, typeUrl: typeUrls.listener });
    await stream.next();
    for (let index = 0; index < 100; index += 1) stream.send({ typeUrl: `type.googleapis.com/unknown.T${index}` });
    stream.send({ typeUrl: typeUrls.listener, responseNonce: '1' });
    server.set('a', { listener: { A: '2' } });
    expect((await stream.next()).typeUrl).toBe(typeUrls.listener);
    expect(server.status()[0]?.types).toHaveLength(typesPerStreamMax);
    expect(server.events.filter(({ kind }) => kind === 'too-many-types')).toHaveLength(101 - typesPerStreamMax);
    stream.close();
  });

  test('XDS-06 before the sources are read every stream is UNAVAILABLE', async () => {
    const early = await startServer({ ready: false });
    early.set('a', { listener: { A: 'of a' } });
    const first = openSession(kind, early.address, 'a');
    first.subscribeSilently('listener');
    expect((await first.status).code).toBe(grpcStatus.UNAVAILABLE);
    first.close();
    early.setReady();
    const second = openSession(kind, early.address, 'a');
    second.subscribeSilently('listener');
    await accept(second, 'listener');
    second.close();
    await early.stop();
  });

  test('XDS-06 a client without a snapshot is UNAVAILABLE, never empty', async () => {
    const session = openSession(kind, server.address, 'nobody');
    session.subscribeSilently('listener');
    expect((await session.status).code).toBe(grpcStatus.UNAVAILABLE);
    session.close();
  });

  test('XDS-07 XDS-08 a refused caller reads the same body whatever the reason, and the reason is told to us', async () => {
    const refusals = [
      { kind: 'refused', status: 'PERMISSION_DENIED', reason: 'node claims another namespace' },
      { kind: 'refused', status: 'UNAUTHENTICATED', reason: 'no certificate' },
    ] as const;
    const bodies = new Set<string>();
    for (const refusal of refusals) {
      server.admit(() => Promise.resolve(refusal));
      const session = openSession(kind, server.address, 'a');
      session.subscribeSilently('listener');
      const { code, details } = await session.status;
      expect(code).toBe(grpcStatus[refusal.status]);
      bodies.add(details);
      expect(server.events).toContainEqual(expect.objectContaining({ kind: 'refused', reason: refusal.reason }));
      session.close();
    }
    expect(bodies.size).toBe(1);
  });

  test('a caller whose credentials are no good is refused before it has sent a byte, and leaves nothing', async () => {
    server.greet(() => Promise.resolve({ kind: 'refused', status: 'UNAUTHENTICATED', reason: 'no token' }));
    const silent = open[kind](server.address);
    expect(await silent.status).toMatchObject({ code: grpcStatus.UNAUTHENTICATED, details: 'not admitted' });
    expect(server.clock.armed).toBe(0);
    silent.close();
  });

  test('a caller that cannot be greeted is refused', async () => {
    server.greet(() => Promise.reject(new Error('the judge is ill')));
    const silent = open[kind](server.address);
    expect((await silent.status).code).toBe(grpcStatus.UNAUTHENTICATED);
    silent.close();
  });

  test('streams of one holder are counted before they have said anything, and given back when they end', async () => {
    const greeted: string[] = [];
    server.greet(async ({ address }) => {
      greeted.push(address);
      return { kind: 'heard', holder: 'one' };
    });
    const silent = Array.from({ length: streamsPerClientMax }, () => open[kind](server.address));
    await expect.poll(() => greeted.length).toBe(streamsPerClientMax);
    const further = open[kind](server.address);
    expect((await further.status).code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    for (const stream of [...silent, further]) stream.close();
    await Promise.all(silent.map((stream) => stream.status));
    await expect.poll(() => server.clock.armed).toBe(0);
    const session = openSession(kind, server.address, 'a');
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    session.close();
  });

  test('XDS-08 a caller that cannot be judged is refused', async () => {
    server.admit(() => Promise.reject(new Error('the judge is ill')));
    const session = openSession(kind, server.address, 'a');
    session.subscribeSilently('listener');
    expect(await session.status).toMatchObject({ code: grpcStatus.UNAUTHENTICATED, details: 'not admitted' });
    session.close();
  });

  test('XDS-09 a stream ends with UNAUTHENTICATED when its credentials expire', async () => {
    const lifeMs = 30 * 24 * 3_600_000;
    const expiresAtMs = server.clock.nowMs() + lifeMs;
    server.admit(({ node }) => Promise.resolve({ kind: 'client', key: node.id, expiresAtMs }));
    const session = openSession(kind, server.address, 'a');
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.clock.advance(lifeMs - 1);
    await silence(session);
    server.clock.advance(1);
    expect((await session.status).code).toBe(grpcStatus.UNAUTHENTICATED);
    session.close();
  });

  test('XDS-09 a stream ends when its client is deleted', async () => {
    const session = openSession(kind, server.address, 'a');
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.delete('a');
    expect((await session.status).code).toBe(grpcStatus.UNAVAILABLE);
    session.close();
  });

  test('XDS-10 half-closed, cancelled and unread streams leave nothing behind', async () => {
    const closed = () => server.events.filter(({ kind }) => kind === 'stream-closed').length;
    for (let cycle = 1; cycle <= 50; cycle += 1) {
      const session = open[kind](server.address);
      session.send({ node: { id: 'a' }, typeUrl: typeUrls.listener });
      await session.next();
      if (cycle % 2 === 0) session.call.end();
      else session.call.cancel();
      await session.status;
      await expect.poll(closed, { interval: 1 }).toBe(cycle);
      session.close();
    }
    expect(server.status()).toEqual([]);
    expect(server.clock.armed).toBe(0);
  });

  test('XDS-11 a second stream of the same client is served, and outlives the first', async () => {
    const [first, second] = [openSession(kind, server.address, 'a'), openSession(kind, server.address, 'a')];
    for (const session of [first, second]) {
      session.subscribeSilently('listener');
      await accept(session, 'listener');
    }
    first.close();
    await expect.poll(() => server.status().length).toBe(1);
    server.set('a', { listener: { A: '2' } });
    expect((await accept(second, 'listener')).resources).toEqual({ A: '2' });
    second.close();
  });

  test('XDS-55 one client has a bounded number of streams', async () => {
    const sessions: Session[] = [];
    for (let index = 0; index < streamsPerClientMax; index += 1) {
      const session = openSession(kind, server.address, 'a');
      session.subscribeSilently('listener');
      await accept(session, 'listener');
      sessions.push(session);
    }
    const further = openSession(kind, server.address, 'a');
    further.subscribeSilently('listener');
    expect((await further.status).code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    for (const session of [...sessions, further]) session.close();
  });

  test('XDS-55 a request over the limit ends the stream with RESOURCE_EXHAUSTED', async () => {
    const stream = open[kind](server.address);
    stream.sendBytes(Buffer.alloc(requestBytesMax + 1));
    expect((await stream.status).code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    stream.close();
  });

  test('XDS-55 more names than a type may have end the stream with RESOURCE_EXHAUSTED', async () => {
    const session = openSession(kind, server.address, 'a');
    session.subscribe(
      'endpoints',
      Array.from({ length: namesPerTypeMax + 1 }, (_, index) => `e${index}`),
    );
    expect((await session.status).code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    session.close();
  });

  test('XDS-55 bytes that are no request end the stream with INVALID_ARGUMENT', async () => {
    const stream = open[kind](server.address);
    stream.sendBytes(Buffer.from([0xff, 0xff, 0xff]));
    expect((await stream.status).code).toBe(grpcStatus.INVALID_ARGUMENT);
    stream.close();
  });

  test('XDS-55 a client that stops reading is owed one response per type, and is cut off after a while', async () => {
    const big = 'x'.repeat(1024 * 1024);
    server.set('slow', { listener: { A: big } });
    const slow = openUnreadStream(kind, server.address, 'slow');
    const pushes = () => server.events.filter((event) => event.kind === 'pushed' && event.key === 'slow').length;
    await expect.poll(pushes, { interval: 1 }).toBe(1);
    for (let change = 0; change < 20; change += 1) server.set('slow', { listener: { A: `${big}${change}` } });
    const other = openSession(kind, server.address, 'b');
    other.subscribeSilently('listener');
    await accept(other, 'listener');
    expect(pushes()).toBe(1);
    server.clock.advance(writeStallMs);
    expect(server.events).toContainEqual(expect.objectContaining({ kind: 'write-stalled', key: 'slow' }));
    expect(await slow.resetCode).toBe(constants.NGHTTP2_CANCEL);
    await silence(other);
    other.close();
    slow.close();
  });

  test('a stream that asks for nothing is ended', async () => {
    const stream = open[kind](server.address);
    await expect.poll(() => server.clock.armed).toBe(1);
    server.clock.advance(admissionWaitMs);
    expect((await stream.status).code).toBe(grpcStatus.DEADLINE_EXCEEDED);
    stream.close();
  });
});
