/** The delta client over a real socket; the clock, the dice and every word of the server are the test's. */
import { setImmediate } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { DeltaDiscoveryRequest } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { tokenHeader } from '../../src/grpc/peer.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { DeltaClient, type DeltaClientEvent, type DeltaClientOptions } from '../../src/xds/delta-client.io.ts';
import { type Holdings, initialVersions, nothingHeld, takeResponse } from '../../src/xds/delta-holdings.ts';
import { testAuthority } from '../grpc/authority.ts';
import { FakeAds } from './fake-ads.ts';
import { TestClock } from './test-clock.ts';

const typeUrl = 'type.googleapis.com/example.Word';

let authority: Authority;
beforeAll(async () => {
  authority = await testAuthority();
});

/** Holds words; `bad` is refused. */
async function startClient(
  options: { random?: () => number; connect?: DeltaClientOptions['connect']; kept?: () => Promise<void> } = {},
) {
  const ads = await FakeAds.start(authority);
  const clock = new TestClock();
  const events: DeltaClientEvent[] = [];
  let holdings: Holdings<string> = nothingHeld();
  let tries = 0;
  const client = new DeltaClient({
    node: { id: 'system/authz', cluster: 'system' },
    clock,
    random: options.random ?? (() => 0),
    connect:
      options.connect ??
      (async () => {
        tries += 1;
        return { client: ads.client(), metadata: new Map([[tokenHeader, `token-${tries}`]]) };
      }),
    subscriptions: [
      {
        typeUrl,
        initialVersions: () => initialVersions(holdings),
        take: (response) => {
          const taken = takeResponse(holdings, response, ({ value }) => {
            const word = Buffer.from(value).toString();
            return word === 'bad' ? { kind: 'refused', why: 'it is bad' } : { kind: 'ok', value: word };
          });
          if (taken.kind === 'ack') holdings = taken.holdings;
          return taken;
        },
        ...(options.kept === undefined ? {} : { kept: options.kept }),
      },
    ],
    observe: (event) => events.push(event),
  });
  onTestFinished(() => client.stop());
  client.start();
  const waits = () => events.flatMap((event) => (event.kind === 'ended' ? [event.nextTryMs] : []));
  return {
    ads,
    clock,
    client,
    events,
    waits,
    held: () => Object.fromEntries([...holdings.held].map(([name, { value }]) => [name, value])),
    /** Resolves when so many streams have ended, and the wait for the next has begun. */
    ended: async (count: number) => {
      while (waits().length < count) await setImmediate();
    },
  };
}

function answerOf({ typeUrl, responseNonce: nonce, errorDetail }: DeltaDiscoveryRequest) {
  return { typeUrl, nonce, code: errorDetail?.code, why: errorDetail?.message };
}

function word(name: string, content: string) {
  const resource = create(AnySchema, { typeUrl, value: Buffer.from(content) });
  return { name, version: `v-${content}`, resource };
}

test('a stream begins with the node, the wildcard and the token', async () => {
  const { ads } = await startClient();
  const stream = await ads.stream();
  expect(stream.token).toBe('token-1');
  expect(await stream.next()).toMatchObject({
    node: { id: 'system/authz', cluster: 'system' },
    typeUrl,
    resourceNamesSubscribe: ['*'],
    initialResourceVersions: {},
  });
});

test('what is taken is acknowledged, and what is refused is named and changes nothing', async () => {
  const { ads, held, events } = await startClient();
  const stream = await ads.stream();
  await stream.next();

  stream.say({ typeUrl, nonce: 'n1', systemVersionInfo: 'r1', resources: [word('a', 'a1'), word('b', 'b1')] });
  expect(answerOf(await stream.next())).toEqual({ typeUrl, nonce: 'n1' });

  stream.say({ typeUrl, nonce: 'n2', systemVersionInfo: 'r2', resources: [word('a', 'a2'), word('b', 'bad')] });
  expect(answerOf(await stream.next())).toEqual({ typeUrl, nonce: 'n2', code: 3, why: 'resource `b`: it is bad' });
  expect(held()).toEqual({ a: 'a1', b: 'b1' });

  stream.say({ typeUrl, nonce: 'n3', systemVersionInfo: 'r3', resources: [word('b', 'b3')], removedResources: ['a'] });
  expect(answerOf(await stream.next())).toEqual({ typeUrl, nonce: 'n3' });
  expect(held()).toEqual({ b: 'b3' });
  expect(events.map(({ kind }) => kind)).toEqual(['connected', 'taken', 'refused', 'taken']);
});

test('what is taken counts at once, and is acknowledged when it is kept', async () => {
  const disk = Promise.withResolvers<void>();
  const { ads, held, events } = await startClient({ kept: () => disk.promise });
  const stream = await ads.stream();
  await stream.next();
  stream.say({ typeUrl, nonce: 'n1', systemVersionInfo: 'r1', resources: [word('a', 'a1')] });
  stream.say({ typeUrl, nonce: 'n2', systemVersionInfo: 'r2', resources: [word('a', 'bad')] });
  // A refusal has nothing to keep, and so overtakes it.
  expect(answerOf(await stream.next())).toMatchObject({ nonce: 'n2', code: 3 });
  expect(held()).toEqual({ a: 'a1' });
  expect(events).toContainEqual({ kind: 'taken', typeUrl, revision: 'r1' });
  disk.resolve();
  expect(answerOf(await stream.next())).toEqual({ typeUrl, nonce: 'n1' });
});

test('what is kept only after its stream has ended is acknowledged to nobody', async () => {
  const disk = Promise.withResolvers<void>();
  const { ads, clock, waits, ended, held } = await startClient({ kept: () => disk.promise });
  const first = await ads.stream();
  await first.next();
  first.say({ typeUrl, nonce: 'n1', resources: [word('a', 'a1')] });
  while (held()['a'] === undefined) await setImmediate();
  first.end();
  await ended(1);
  disk.resolve();
  clock.advance(waits()[0] ?? 0);
  const second = await ads.stream();
  expect(await second.next()).toMatchObject({ initialResourceVersions: { a: 'v-a1' }, responseNonce: '' });
});

test('a response of a type that nobody asked for is ignored', async () => {
  const { ads, held } = await startClient();
  const stream = await ads.stream();
  await stream.next();
  stream.say({ typeUrl: 'type.googleapis.com/example.Other', nonce: 'n1', resources: [word('a', 'a1')] });
  stream.say({ typeUrl, nonce: 'n2', resources: [word('b', 'b1')] });
  expect(await stream.next()).toMatchObject({ responseNonce: 'n2' });
  expect(held()).toEqual({ b: 'b1' });
});

test('the next stream tells the versions held and carries the token of that day', async () => {
  const { ads, clock, waits, ended, held } = await startClient();
  const first = await ads.stream();
  await first.next();
  first.say({ typeUrl, nonce: 'n1', resources: [word('a', 'a1')] });
  await first.next();
  first.end();
  await ended(1);
  expect(held()).toEqual({ a: 'a1' });

  clock.advance((waits()[0] ?? 0) - 1);
  expect(clock.armed).toBe(1);
  clock.advance(1);
  const second = await ads.stream();
  expect(second.token).toBe('token-2');
  expect(await second.next()).toMatchObject({ initialResourceVersions: { a: 'v-a1' }, responseNonce: '' });
});

test.for([
  ['the shortest dice', 0, [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]],
  ['the longest dice', 0.999_999, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]],
] as const)('with %s the waits double up to their bound', async ([, dice, want]) => {
  const unreachable = () => Promise.reject(new Error('no token yet'));
  const { clock, waits, ended, events } = await startClient({ random: () => dice, connect: unreachable });
  for (const [index, waitMs] of want.entries()) {
    await ended(index + 1);
    clock.advance(waitMs);
  }
  expect(waits().slice(0, want.length)).toEqual(want);
  expect(events[0]).toMatchObject({ kind: 'ended', reason: 'no token yet' });
});

test('after a stream that lasted the waits begin small again, and after one that did not they go on', async () => {
  const { ads, clock, waits, ended } = await startClient();
  for (const [lastedMs, count] of [
    [0, 1],
    [0, 2],
    [4_999, 3],
    [5_000, 4],
  ] as const) {
    const stream = await ads.stream();
    await stream.next();
    clock.advance(lastedMs);
    stream.refuse('go elsewhere');
    await ended(count);
    clock.advance(waits().at(-1) ?? 0);
  }
  expect(waits()).toEqual([50, 100, 200, 50]);
});

test('a client that is stopped leaves its stream and does not come back', async () => {
  const { ads, client, clock, events } = await startClient();
  const stream = await ads.stream();
  await stream.next();
  client.stop();
  await stream.left();
  await setImmediate();
  expect(clock.armed).toBe(0);
  expect(events).toEqual([]);
});

test('a client that is stopped while it waits does not come back', async () => {
  const { client, clock, ended } = await startClient({ connect: () => Promise.reject(new Error('no')) });
  await ended(1);
  client.stop();
  expect(clock.armed).toBe(0);
});

test('a client that is stopped while it gathers its token opens no stream', async () => {
  let opened = 0;
  let closed = 0;
  const gathered = Promise.withResolvers<void>();
  const { client, clock } = await startClient({
    async connect() {
      await gathered.promise;
      const unused = {
        unary: () => expect.fail('no call was to be made'),
        stream: () => {
          opened += 1;
          return expect.fail('no stream was to be opened');
        },
        close: () => {
          closed += 1;
        },
      };
      return { client: unused, metadata: new Map() };
    },
  });
  client.stop();
  gathered.resolve();
  while (closed === 0) await setImmediate();
  expect({ opened, armed: clock.armed }).toEqual({ opened: 0, armed: 0 });
});
