/** Hundreds of clients at one door at once, over real sockets, also while others hold it by saying nothing. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { HandshakeLimits } from '../../src/grpc/limits.ts';
import { TlsListener } from '../../src/grpc/tls-listener.ts';
import { judgeTlsMaterial } from '../../src/grpc/tls-material.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { serverLeaf, serverName, testAuthority } from './authority.ts';

let authority: Authority;

beforeAll(async () => {
  authority = await testAuthority();
});

const limits: HandshakeLimits = {
  atOnceMax: 4,
  waitingMax: 1_000,
  silentMax: 50,
  turnMs: 20,
  silentTurns: 10_000,
  waitingTurns: 10_000,
  patienceTurns: 3,
};

async function door(more: Partial<HandshakeLimits> = {}) {
  const material = judgeTlsMaterial(serverLeaf(authority));
  if (material.kind === 'unusable') throw new Error(material.message);
  const taken: TLSSocket[] = [];
  let most = 0;
  const listener: TlsListener = new TlsListener(
    material.context,
    { requested: false, required: false },
    { ...limits, ...more },
    (socket) => {
      most = Math.max(most, listener.counts().underway);
      taken.push(socket);
      socket.resume();
    },
  );
  const port = await listener.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => {
    void listener.close();
    for (const socket of taken) socket.destroy();
  });
  return { listener, port, taken, most: () => most };
}

/** Resolves once the server has shown its certificate; rejects where it closed before. */
async function client(port: number, ALPNProtocols: string[] = ['h2']): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, servername: serverName, ca: authority.rootPem, ALPNProtocols });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'secureConnect');
  return socket;
}

/** A connection that sends these bytes and nothing else, ever. */
async function attacker(port: number, bytes?: Buffer) {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  if (bytes !== undefined) socket.write(bytes);
  return socket;
}

/** The beginning of a TLS record that says it is longer. */
const half = Buffer.from('16030102000100', 'hex');

const many = Array.from({ length: 300 });

test('three hundred clients at once are all served, four at a time', async () => {
  const { most, port, taken } = await door();
  const clients = await Promise.all(many.map(() => client(port)));
  await expect.poll(() => taken.length).toBe(clients.length);
  expect(most()).toBeLessThanOrEqual(limits.atOnceMax);
});

test('SEC-40 silent sockets, more than may be, keep no client out: the oldest go', async () => {
  const { listener, port } = await door();
  const silent = await Promise.all(Array.from({ length: 200 }, () => attacker(port)));
  const ended = silent.map((socket) => once(socket, 'close'));
  await Promise.all(many.slice(0, 50).map(() => client(port)));
  await Promise.race(ended);
  expect(listener.counts().silent).toBeLessThanOrEqual(limits.silentMax);
});

test('SEC-55 handshakes that go no further keep no client out: they lose their places', async () => {
  const { port } = await door();
  await Promise.all(Array.from({ length: 20 }, () => attacker(port, half)));
  const clients = await Promise.all(many.slice(0, 50).map(() => client(port)));
  expect(clients).toHaveLength(50);
});

test('a socket that says nothing is closed in its time', async () => {
  const { port } = await door({ silentTurns: 2 });
  const silent = await attacker(port);
  silent.resume();
  await once(silent, 'close');
});

test('SEC-40 what begins with more than a ClientHello, or with plaintext, is closed and was told nothing but an alert', async () => {
  const { port, taken } = await door();
  for (const bytes of [Buffer.alloc(64_000, 'GET / '), Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')]) {
    const socket = await attacker(port, bytes);
    let received = 0;
    socket.on('data', ({ length }) => {
      received += length;
    });
    await once(socket, 'close');
    expect(received).toBeLessThanOrEqual(7);
  }
  expect(taken).toEqual([]);
});

test('who speaks TLS and not HTTP/2 is not let in', async () => {
  const { port, taken } = await door();
  await expect(client(port, ['http/1.1'])).rejects.toThrow();
  const unnamed = await client(port, []);
  unnamed.resume();
  await once(unnamed, 'close');
  expect(taken).toEqual([]);
});

test('a closed door cuts who has not finished', async () => {
  const { listener, port } = await door();
  const socket = await attacker(port, half);
  await expect.poll(() => listener.counts().underway).toBe(1);
  socket.resume();
  const closed = once(socket, 'close');
  void listener.close();
  await closed;
  expect(listener.counts()).toEqual({ silent: 0, waiting: 0, underway: 0 });
});
