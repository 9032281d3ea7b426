/** The lean server over real sockets: what a well-behaved client sees of it, and what an unruly one gets. */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { Authorization } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { Health } from '#gen/grpc/health/v1/health_pb.js';
import type { LeanAnswer } from '../../src/grpc/lean-method.ts';
import { createLeanServer, type LeanServer } from '../../src/grpc/lean-server.ts';
import { concurrentStreamsMax, headerListBytesMax, resetsAtOnceMax } from '../../src/grpc/limits.ts';
import { framed } from '../../src/grpc/message-frame.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { cart, clientLeaf, serverLeaf, serverName, testAuthority } from './authority.ts';

const bodyBytesMax = 100_000;
const path = `/${Authorization.typeName}/Check`;
const hello = framed(Buffer.from('hello'));

let authority: Authority;
let server: LeanServer;
let port: number;
/** Messages that were handed to the method. */
let asked: string[];
/** Instead of an echo. */
let reply: ((message: Buffer) => LeanAnswer | Promise<LeanAnswer>) | undefined;

beforeAll(async () => {
  authority = await testAuthority();
});

beforeEach(async () => {
  [asked, reply] = [[], undefined];
  server = createLeanServer({
    address: '127.0.0.1:0',
    tls: { ...serverLeaf(authority), clientCaPem: authority.rootPem },
    requireClientCertificate: true,
    bodyBytesMax,
  });
  server.addMethod(Authorization.method.check, {
    kind: 'unary',
    answer(message, { peer }) {
      asked.push(message.toString());
      const name = peer.kind === 'certificate' ? peer.spiffeUris.join() : '';
      return reply?.(message) ?? { kind: 'message', bytes: Buffer.from(`${name} ${message.length}`) };
    },
  });
  server.addMethod(Health.method.watch, {
    kind: 'watch',
    watch: () => ({ kind: 'status', code: status.RESOURCE_EXHAUSTED, details: 'nothing to hear: 100 %' }),
  });
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);
  port = bound.port;
  onTestFinished(async () => {
    await server.close(0);
  });
});

function dial(): TLSSocket {
  const { certificateChainPem, privateKeyPem } = clientLeaf(authority);
  const socket = connectTls({
    ...{ host: '127.0.0.1', port, servername: serverName, ALPNProtocols: ['h2'] },
    ...{ ca: authority.rootPem, cert: certificateChainPem, key: privateKeyPem.reveal() },
  });
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

function session(): ClientHttp2Session {
  const client = connect(`https://${serverName}`, { createConnection: dial });
  client.on('error', () => undefined);
  onTestFinished(() => client.destroy());
  return client;
}

function call(client: ClientHttp2Session, headers: Record<string, string> = {}): ClientHttp2Stream {
  const stream = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', ...headers });
  stream.on('error', () => undefined);
  return stream;
}

interface Heard {
  readonly http: number | undefined;
  readonly grpc: string | undefined;
  readonly details: string | undefined;
  readonly body: string;
}

async function heard(stream: ClientHttp2Stream): Promise<Heard> {
  let said: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on('response', (headers) => {
    said = { ...said, ...headers };
  });
  stream.on('trailers', (trailers) => {
    said = { ...said, ...trailers };
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  const text = (name: string) => (said[name] === undefined ? undefined : String(said[name]));
  return {
    http: said[':status'] as number | undefined,
    grpc: text('grpc-status'),
    details: text('grpc-message'),
    body: Buffer.concat(chunks).subarray(5).toString(),
  };
}

function ask(client: ClientHttp2Session, body: Buffer, headers: Record<string, string> = {}): Promise<Heard> {
  const stream = call(client, headers);
  stream.end(body);
  return heard(stream);
}

test('a message is answered by a message and status 0, in however many pieces it comes', async () => {
  const client = session();
  expect(await ask(client, hello)).toMatchObject({ http: 200, grpc: '0', body: `${cart} 5` });
  const stream = call(client);
  for (const byte of hello) stream.write(Buffer.from([byte]));
  stream.end();
  expect(await heard(stream)).toMatchObject({ grpc: '0', body: `${cart} 5` });
});

const unruly: readonly (readonly [sentence: string, body: Buffer, code: status])[] = [
  ['no message', Buffer.alloc(0), status.INTERNAL],
  ['half a head', Buffer.alloc(3), status.INTERNAL],
  ['less than the head says', hello.subarray(0, 7), status.INTERNAL],
  ['two messages', Buffer.concat([hello, hello]), status.INTERNAL],
  ['a compressed message', Buffer.concat([Buffer.from([1]), hello.subarray(1)]), status.UNIMPLEMENTED],
  ['more than the bound', framed(Buffer.alloc(bodyBytesMax)), status.RESOURCE_EXHAUSTED],
];
test.for(unruly)('a call with %s reaches no method', async ([, body, code]) => {
  expect(await ask(session(), body)).toMatchObject({ grpc: String(code) });
  expect(asked).toEqual([]);
});

test('what is no gRPC, or no method of ours, reaches no method', async () => {
  const client = session();
  expect(await ask(client, hello, { ':path': '/a.B/C' })).toMatchObject({ grpc: String(status.UNIMPLEMENTED) });
  expect(await ask(client, hello, { 'content-type': 'text/html' })).toMatchObject({ http: 415, grpc: undefined });
  expect(await ask(client, hello, { ':method': 'PUT' })).toMatchObject({ http: 415, grpc: undefined });
  expect(asked).toEqual([]);
});

test('details travel percent-encoded', async () => {
  const told = await ask(session(), framed(Buffer.alloc(0)), { ':path': `/${Health.typeName}/Watch` });
  expect(told.grpc).toBe(String(status.RESOURCE_EXHAUSTED));
  expect(decodeURIComponent(told.details ?? '')).toBe('nothing to hear: 100 %');
});

test('who does not wait any longer is not judged', async () => {
  expect(await ask(session(), hello, { 'grpc-timeout': '1n' })).toMatchObject({
    grpc: String(status.DEADLINE_EXCEEDED),
  });
  expect(asked).toEqual([]);
});

test('a message that never becomes whole is given up at its deadline', async () => {
  const stream = call(session(), { 'grpc-timeout': '50m' });
  stream.write(hello.subarray(0, 7));
  expect(await heard(stream)).toMatchObject({ grpc: String(status.DEADLINE_EXCEEDED) });
});

test('an answer that comes later is given later, and to nobody where the caller has left', async () => {
  const answers: ((answer: LeanAnswer) => void)[] = [];
  reply = () => new Promise((resolve) => answers.push(resolve));
  const client = session();
  const [first, second] = [call(client), call(client)];
  for (const stream of [first, second]) stream.end(hello);
  await expect.poll(() => answers.length).toBe(2);
  first.close(constants.NGHTTP2_CANCEL);
  await once(first, 'close');
  for (const answer of answers) answer({ kind: 'message', bytes: Buffer.from('late') });
  expect(await heard(second)).toMatchObject({ grpc: '0', body: 'late' });
});

test('a header block beyond the bound ends the call, and the server goes on', async () => {
  const client = session();
  await once(client, 'remoteSettings'); // before it has agreed to a bound, another one holds, four times as large
  const told = await ask(client, hello, { 'x-large': 'x'.repeat(headerListBytesMax) });
  expect(told.grpc).toBeUndefined();
  expect(asked).toEqual([]);
  expect(await ask(session(), hello)).toMatchObject({ grpc: '0' });
});

test('a client is told how many calls it may have at once', async () => {
  const client = session();
  const [settings] = await once(client, 'remoteSettings');
  expect(settings).toMatchObject({ maxConcurrentStreams: concurrentStreamsMax, maxHeaderListSize: headerListBytesMax });
});

test('a client that begins calls and resets them loses its connection, and no other', async () => {
  const polite = session();
  expect(await ask(polite, hello)).toMatchObject({ grpc: '0' });
  const rude = dial();
  rude.on('error', () => undefined);
  rude.resume();
  const gone = new Promise((resolve) => rude.once('close', resolve));
  const empty = Buffer.alloc(0);
  rude.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, empty)]));
  for (let call = 0; call < resetsAtOnceMax * 2; call += 1) {
    const id = 2 * call + 1;
    const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL]);
    rude.write(Buffer.concat([frame(1, 4, id, callHeaders), frame(3, 0, id, cancel)]));
  }
  await gone;
  expect(await ask(polite, hello)).toMatchObject({ grpc: '0' });
  expect(asked).toEqual(['hello', 'hello']);
});

/** Of HPACK: POST, https, and the path as it is. */
const callHeaders = Buffer.concat([Buffer.from([0x83, 0x87, 0x04, path.length]), Buffer.from(path)]);

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.set([type, flags], 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

test('a drained connection answers what is open, takes no more, and leaves', async () => {
  let answer: (answer: LeanAnswer) => void = () => undefined;
  reply = () => new Promise((resolve) => (answer = resolve));
  const client = session();
  const open = call(client);
  open.end(hello);
  await expect.poll(() => asked.length).toBe(1);
  const told = once(client, 'goaway');
  const closed = server.close(10_000);
  await told;
  answer({ kind: 'message', bytes: Buffer.from('done') });
  expect(await heard(open)).toMatchObject({ grpc: '0', body: 'done' });
  expect(await closed).toBe('drained');
});

test('what is not answered within the grace is cut', async () => {
  reply = () => new Promise(() => undefined);
  const stream = call(session());
  stream.end(hello);
  await expect.poll(() => asked.length).toBe(1);
  expect(await server.close(20)).toBe('forced');
  expect(await heard(stream)).toMatchObject({ grpc: undefined });
});
