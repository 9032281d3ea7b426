/**
 * Clients that mean harm, over a real socket: each stream ends with the right status, a client beside it is served all
 * the while, nothing of it stays behind, and the process lives.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import { status as grpcStatus } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import {
  admissionWaitMs,
  namesPerTypeMax,
  nameUnitsPerStreamMax,
  requestBytesMax,
  requestsPerTurn,
  streamsPerClientMax,
  typesPerStreamMax,
  writeStallMs,
} from '../../src/xds/limits.ts';
import { withTtl } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { type LoopbackAds, startLoopbackAds } from './loopback-ads.ts';
import { resource, snapshotOf } from './resources.ts';

const { endpoints, listener, runtime } = typeUrls;

let ads: LoopbackAds;
let innocent: ReturnType<LoopbackAds['delta']>;
let changes = 0;

beforeEach(async () => {
  ads = await startLoopbackAds();
  for (const key of ['innocent', 'hostile']) ads.cache.set(key, snapshotOf({ listener: { l: '1' } }));
  innocent = ads.delta();
  innocent.send({ node: { id: 'innocent' }, typeUrl: listener });
  await accept();
});

/** The innocent client gets its change, and nothing is left of any other once it is closed. */
afterEach(async () => {
  await innocentIsServed();
  await expect.poll(() => ads.service.status().map(({ key }) => key), { interval: 1 }).toEqual(['innocent']);
});

async function accept() {
  const { nonce } = await innocent.next();
  innocent.send({ typeUrl: listener, responseNonce: nonce });
}

async function innocentIsServed() {
  changes += 1;
  ads.cache.set('innocent', snapshotOf({ listener: { l: `change ${changes}` } }));
  await accept();
}

const many = (count: number, length = 1) =>
  Array.from({ length: count }, (_, index) => `${index}`.padStart(length, 'n'));

/** Length-delimited field 1, and so on: what no library would write. */
function field(number: number, content: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = content.length; ; rest = Math.floor(rest / 0x80)) {
    if (rest <= 0x7f) {
      length.push(rest);
      break;
    }
    length.push((rest % 0x80) | 0x80);
  }
  return Buffer.concat([Buffer.of((number << 3) | 2, ...length), content]);
}

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  const open = () => ads[kind]();
  const node = { id: 'hostile' };
  const ask = (typeUrl: string, names: readonly string[] = []) => ({
    node,
    typeUrl,
    ...(kind === 'sotw' ? { resourceNames: [...names] } : { resourceNamesSubscribe: [...names] }),
  });

  test('a type URL of a megabyte is no type URL', async () => {
    const stream = open();
    stream.send(ask('t'.repeat(1024 * 1024)));
    expect(await stream.status).toMatchObject({ code: grpcStatus.INVALID_ARGUMENT, details: 'type_url is too long' });
  });

  test('a node id of a megabyte is no node id', async () => {
    const stream = open();
    stream.send({ node: { id: 'n'.repeat(1024 * 1024) }, typeUrl: listener });
    expect((await stream.status).code).toBe(grpcStatus.INVALID_ARGUMENT);
  });

  test('100 000 names are too many', async () => {
    const stream = open();
    stream.send(ask(endpoints, many(100_000)));
    expect(await stream.status).toMatchObject({
      code: grpcStatus.RESOURCE_EXHAUSTED,
      details: '100000 names are too many',
    });
  });

  test('as many names as there may be, of every type there may be, are too long together', async () => {
    const stream = open();
    const names = many(namesPerTypeMax, 100);
    const typesThatFit = Math.floor(nameUnitsPerStreamMax / (namesPerTypeMax * 100));
    expect(typesThatFit).toBeLessThan(typesPerStreamMax);
    for (let index = 0; index <= typesThatFit; index += 1) stream.send(ask(`type.googleapis.com/t.T${index}`, names));
    expect(await stream.status).toMatchObject({
      code: grpcStatus.RESOURCE_EXHAUSTED,
      details: 'the names are too long together',
    });
  });

  test('SEC-40 a request of 4 MiB and 1 byte is too large', async () => {
    const stream = open();
    stream.sendBytes(Buffer.alloc(requestBytesMax + 1));
    expect((await stream.status).code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
  });

  const [nodeField, typeField] = kind === 'sotw' ? [2, 4] : [1, 2];
  const typeUrlBytes = field(typeField, Buffer.from(listener));

  /** A first request whose node has metadata of lists in lists. */
  function nestedRequest(depth: number): Buffer {
    // Value.list_value = ListValue { values = [ Value … ] }, written from the inside out.
    let nested: Uint8Array = toBinary(ValueSchema, create(ValueSchema, { kind: nothing }));
    for (let level = 0; level < depth; level += 1) nested = field(6, field(1, nested));
    const entry = Buffer.concat([field(1, Buffer.from('deep')), field(2, nested)]);
    const deep = Buffer.concat([field(1, Buffer.from('hostile')), field(3, field(1, entry))]);
    return Buffer.concat([field(nodeField, deep), typeUrlBytes]);
  }

  test('SEC-53 a node whose metadata is a Struct nested thousands deep is passed over unread', async () => {
    const stream = open();
    stream.sendBytes(nestedRequest(5_000));
    await stream.next();
    stream.close();
  });

  test('a name that is not UTF-8 is refused, and one that is is not', async () => {
    const stream = open();
    stream.send(ask(endpoints));
    const subscribe = (name: Buffer) =>
      stream.sendBytes(Buffer.concat([field(3, name), field(typeField, Buffer.from(endpoints))]));
    const names = () => ads.service.status().find(({ key }) => key === 'hostile')?.types[0]?.names;
    subscribe(Buffer.from('é'));
    await expect.poll(names, { interval: 1 }).toBe(1);
    subscribe(Buffer.of(0xc3, 0x28));
    expect((await stream.status).code).toBe(grpcStatus.INVALID_ARGUMENT);
  });

  test('a client that opens streams without end has a few, and the innocent one has its own', async () => {
    const streams = Array.from({ length: 4 * streamsPerClientMax }, () => open());
    for (const stream of streams) stream.send(ask(listener));
    const refused = streams.slice(streamsPerClientMax).map(async (stream) => (await stream.status).code);
    expect(new Set(await Promise.all(refused))).toEqual(new Set([grpcStatus.RESOURCE_EXHAUSTED]));
    expect(ads.service.status().filter(({ key }) => key === 'hostile')).toHaveLength(streamsPerClientMax);
    for (const stream of streams) stream.close();
  });

  test('of a flood of requests no more than one budget is taken before the others have their turn', async () => {
    const first = { node, typeUrl: listener };
    const again = { typeUrl: listener, responseNonce: 'invented' };
    const bytesOf = (init: typeof again | typeof first) =>
      kind === 'sotw'
        ? toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, init))
        : toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init));
    // One write, so that the requests lie in the server's hands together; a gRPC library would send them one by one.
    const flood = 20 * requestsPerTurn;
    const stream = await rawStream(kind);
    stream.write(Buffer.concat([framed(bytesOf(first)), ...Array<Buffer>(flood).fill(framed(bytesOf(again)))]));
    const taken = () => ads.countOf('stale-nonce', 'hostile');
    let mostInOneTurn = 0;
    for (let before = 0; before < flood; ) {
      await new Promise(setImmediate);
      const now = taken();
      mostInOneTurn = Math.max(mostInOneTurn, now - before);
      before = now;
    }
    expect(mostInOneTurn).toBeLessThanOrEqual(requestsPerTurn);
    stream.close();
  });

  test('a client that refuses everything is sent the same bytes once', async () => {
    const stream = open();
    stream.send(ask(listener));
    const { nonce } = await stream.next();
    const errorDetail = { code: 3, message: 'no' };
    for (let index = 0; index < 100; index += 1) stream.send({ typeUrl: listener, responseNonce: nonce, errorDetail });
    await expect.poll(() => ads.countOf('nacked', 'hostile'), { interval: 1 }).toBe(1);
    expect(ads.countOf('pushed', 'hostile')).toBe(1);
    stream.close();
  });
});

const nothing: Value['kind'] = { case: 'nullValue', value: 0 };

/** More than any library keeps answers for. */
const pings = 20_000;

test('SEC-55 a flood of HTTP/2 pings is answered or cut off, and disturbs nobody', async () => {
  const session = await connected();
  const outcomes: string[] = [];
  const over = new Promise((resolve) => {
    session.once('close', resolve);
    for (let index = 0; index < pings; index += 1) {
      session.ping((error) => {
        outcomes.push(error === null ? 'answered' : 'cut off');
        if (outcomes.length === pings) resolve(undefined);
      });
    }
  });
  await innocentIsServed();
  await over;
  expect(outcomes.length).toBeGreaterThan(0);
});

test('SEC-55 streams that are opened on one connection and never read or written disturb nobody', async () => {
  const session = await connected();
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
  for (let index = 0; index < 500; index += 1) {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    session
      .request(headers)
      .on('error', () => undefined)
      .pause();
  }
  await innocentIsServed();
  expect(ads.service.status()).toHaveLength(1);
  // What is answered behind them was read behind them.
  await new Promise((resolve) => {
    session.ping(resolve);
  });
  const refusals = () => ads.events.filter((event) => event.kind === 'refused' && event.status === 'DEADLINE_EXCEEDED');
  const before = refusals().length;
  ads.clock.advance(admissionWaitMs);
  expect(refusals()).toHaveLength(before + 500);
  session.destroy();
});

test('a client that answers without reading is owed a response per type, and behind it no heartbeats', async () => {
  const big = 'x'.repeat(1024 * 1024);
  ads.cache.set('hostile', snapshotOf({ listener: { l: big }, runtime: { drill: '' } }));
  ads.cache.overlay('hostile', [withTtl(resource(runtime, 'drill', 'fault'), 10_000)]);
  const stream = (await rawStream('delta')).pause();
  const ask = (init: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
    stream.write(framed(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init))));
  ask({ node: { id: 'hostile' }, typeUrl: runtime, resourceNamesSubscribe: ['drill'] });
  ask({ typeUrl: runtime, responseNonce: '1' });
  ask({ typeUrl: listener });
  await expect.poll(() => ads.countOf('pushed', 'hostile'), { interval: 1 }).toBe(2);
  ads.clock.advance(writeStallMs - 1);
  expect(ads.countOf('heartbeat', 'hostile')).toBe(0);
  ads.clock.advance(1);
  expect(ads.countOf('write-stalled', 'hostile')).toBe(1);
});

test('a request cut off in the middle of its frame leaves nothing', async () => {
  const stream = await rawStream('delta');
  const message = toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { node: { id: 'hostile' } }));
  stream.write(framed(message).subarray(0, -1));
  await innocentIsServed();
  stream.session?.destroy();
});

/** As gRPC frames a message that is not compressed. */
function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function rawStream(kind: 'sotw' | 'delta'): Promise<ClientHttp2Stream> {
  return adsStream(await connected(), kind);
}

function adsStream(session: ClientHttp2Session, kind: 'sotw' | 'delta'): ClientHttp2Stream {
  const method = kind === 'sotw' ? 'StreamAggregatedResources' : 'DeltaAggregatedResources';
  const path = `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`;
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  return session.request(headers).on('error', () => undefined);
}

function connected(): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${ads.port}`, { maxOutstandingPings: pings });
  session.on('error', () => undefined);
  onTestFinished(() => session.destroy());
  return new Promise((resolve) => session.once('connect', () => resolve(session)));
}
