/** Servers and clients of ours over real sockets: who gets in, what they are taken for, and what a rotation disturbs. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { lstat, readFile, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { Metadata, status } from '@grpc/grpc-js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { Authorization, CheckRequestSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { createGrpcClient, type GrpcClient } from '../../src/grpc/grpc-client.ts';
import { createGrpcServer } from '../../src/grpc/grpc-server.ts';
import { tokenHeader } from '../../src/grpc/peer.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { cart, clientLeaf, serverLeaf, serverName, testAuthority } from './authority.ts';
import { clientOf, echoServer, nextOf } from './echo-server.ts';

let authority: Authority;
/** Same names, another root. */
let otherAuthority: Authority;

beforeAll(async () => {
  authority = await testAuthority();
  otherAuthority = await testAuthority();
});

const { streamAggregatedResources, deltaAggregatedResources } = AggregatedDiscoveryService.method;
const deadlineMs = 10_000;
const run = promisify(execFile);

async function seenBy(client: GrpcClient, metadata = new Metadata()): Promise<unknown> {
  const request = create(CheckRequestSchema);
  const response = await client.unary(Authorization.method.check, request, { deadlineMs, metadata });
  return JSON.parse(response.status?.message ?? '');
}

test('a client is known by the SPIFFE ID and the end of its certificate', async () => {
  const { address } = await echoServer(authority);
  expect(await seenBy(clientOf(authority, address))).toEqual({
    peer: { kind: 'certificate', spiffeUris: [cart], notAfterMs: clientLeaf(authority).notAfterMs },
    token: { kind: 'none' },
  });
});

test('a client of another CA is refused, and so is one without a certificate', async () => {
  const { address } = await echoServer(authority);
  const foreign = clientOf(authority, address, { certificate: clientLeaf(otherAuthority) });
  await expect(seenBy(foreign)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const nameless = createGrpcClient({ address, serverName, serverCaPem: authority.rootPem });
  onTestFinished(() => nameless.close());
  await expect(seenBy(nameless)).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

test('where certificates are asked for and not required, one of another CA makes its bearer nobody', async () => {
  const { address } = await echoServer(authority, { requireClientCertificate: false });
  const foreign = clientOf(authority, address, { certificate: clientLeaf(otherAuthority) });
  expect(await seenBy(foreign)).toMatchObject({ peer: { kind: 'none' } });
  expect(await seenBy(clientOf(authority, address))).toMatchObject({ peer: { spiffeUris: [cart] } });
});

test('SEC-57 a client refuses a server of another CA, and one of another name', async () => {
  const { address } = await echoServer(authority);
  const trusting = clientOf(authority, address, { serverCaPem: otherAuthority.rootPem });
  await expect(seenBy(trusting)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const elsewhere = clientOf(authority, address, { serverName: 'other.mesh.coffre' });
  await expect(seenBy(elsewhere)).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

test('a token is read once and with a bound', async () => {
  const { address } = await echoServer(authority);
  const client = clientOf(authority, address);
  const saying = (...values: string[]): Metadata => {
    const metadata = new Metadata();
    for (const value of values) metadata.add(tokenHeader, value);
    return metadata;
  };
  expect(await seenBy(client, saying('abc'))).toMatchObject({ token: { kind: 'token', token: 'abc' } });
  for (const values of [['a', 'b'], ['x'.repeat(4_097)], ['two words'], ['']]) {
    expect(await seenBy(client, saying(...values))).toMatchObject({ token: { kind: 'refused' } });
  }
});

async function tlsTo(port: number, options: object): Promise<TLSSocket> {
  const { certificateChainPem, privateKeyPem } = clientLeaf(authority);
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    servername: serverName,
    ca: authority.rootPem,
    cert: certificateChainPem,
    key: privateKeyPem.reveal(),
    ALPNProtocols: ['h2'],
    ...options,
  });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'secureConnect');
  return socket;
}

test('TLS 1.2 is refused, before and after a rotation', async () => {
  const { server, port } = await echoServer(authority);
  const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
  for (let round = 0; round < 2; round += 1) {
    await expect(tlsTo(port, old)).rejects.toThrow(/protocol version/);
    expect((await tlsTo(port, {})).getProtocol()).toBe('TLSv1.3');
    expect(server.rotate({ ...serverLeaf(authority), clientCaPem: authority.rootPem })).toEqual({ kind: 'rotated' });
  }
});

test('plaintext gets not one byte of HTTP/2 back', async () => {
  const { port } = await echoServer(authority);
  const socket = connectTcp(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (bytes) => received.push(bytes));
  socket.on('error', () => undefined);
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await once(socket, 'close');
  const bytes = Buffer.concat(received);
  // A TLS alert (record type 21) at most.
  expect(bytes.length === 0 || (bytes[0] === 21 && bytes.length === 7)).toBe(true);
});

test('a session cannot be resumed', async () => {
  const { port } = await echoServer(authority);
  let session: Buffer | undefined;
  const first = connectHttp2(`https://127.0.0.1:${port}`, {
    createConnection: () => {
      const { certificateChainPem, privateKeyPem } = clientLeaf(authority);
      const identity = { cert: certificateChainPem, key: privateKeyPem.reveal(), ca: authority.rootPem };
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        servername: serverName,
        ALPNProtocols: ['h2'],
        ...identity,
      });
      socket.on('session', (offered) => {
        session = offered;
      });
      return socket;
    },
  });
  await once(first, 'remoteSettings'); // the server's first flight, tickets included, has been read
  first.destroy();
  const again = await tlsTo(port, session === undefined ? {} : { session });
  expect(again.isSessionReused()).toBe(false);
});

test('a rotation keeps open streams, and new connections see the new certificate', async () => {
  const { server, address, port } = await echoServer(authority);
  const stream = clientOf(authority, address).stream(streamAggregatedResources);
  onTestFinished(() => {
    stream.cancel();
  });
  stream.on('error', () => undefined);
  stream.write(create(DiscoveryRequestSchema, { versionInfo: 'before' }));
  expect(await nextOf(stream)).toMatchObject({ versionInfo: 'before' });
  const serialBefore = (await tlsTo(port, {})).getPeerCertificate().serialNumber;
  const rotated = server.rotate({ ...serverLeaf(otherAuthority), clientCaPem: authority.rootPem });
  expect(rotated).toEqual({ kind: 'rotated' });
  stream.write(create(DiscoveryRequestSchema, { versionInfo: 'after' }));
  expect(await nextOf(stream)).toMatchObject({ versionInfo: 'after' });
  const renewed = await tlsTo(port, { ca: otherAuthority.rootPem });
  expect(renewed.getPeerCertificate().serialNumber).not.toBe(serialBefore);
});

test('a rotation to a key that does not fit is refused, and the old certificate goes on', async () => {
  const { server, address } = await echoServer(authority);
  const { privateKeyPem } = serverLeaf(otherAuthority);
  const mixed = { ...serverLeaf(authority), privateKeyPem, clientCaPem: authority.rootPem };
  expect(server.rotate(mixed)).toMatchObject({ kind: 'refused', message: expect.stringContaining('mismatch') });
  expect(await seenBy(clientOf(authority, address))).toMatchObject({ peer: { kind: 'certificate' } });
});

test('after a rotation of the client anchors, clients of the old one are refused', async () => {
  const { server, address } = await echoServer(authority);
  server.rotate({ ...serverLeaf(authority), clientCaPem: otherAuthority.rootPem });
  await expect(seenBy(clientOf(authority, address))).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const other = clientOf(authority, address, { certificate: clientLeaf(otherAuthority) });
  expect(await seenBy(other)).toMatchObject({ peer: { spiffeUris: [cart] } });
});

test('a raw method carries the bytes as they are', async () => {
  const { address } = await echoServer(authority);
  const stream = clientOf(authority, address).stream(deltaAggregatedResources, new Metadata(), {
    request: 'raw',
    response: 'raw',
  });
  const bytes = toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl: 'a' }));
  stream.write(bytes);
  expect(Buffer.from(bytes).equals(await nextOf(stream))).toBe(true);
  stream.end();
});

test('a message beyond the bound is refused with RESOURCE_EXHAUSTED', async () => {
  const { address } = await echoServer(authority, { receiveMessageBytesMax: 1_024 });
  const client = clientOf(authority, address);
  const request = create(CheckRequestSchema, { attributes: { contextExtensions: { long: 'x'.repeat(2_000) } } });
  await expect(client.unary(Authorization.method.check, request, { deadlineMs })).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
});

test('a drain sends clients to a new connection while the server goes on', async () => {
  const { server, address } = await echoServer(authority);
  const client = clientOf(authority, address);
  const stream = client.stream(streamAggregatedResources);
  stream.write(create(DiscoveryRequestSchema, { versionInfo: 'one' }));
  await nextOf(stream);
  server.drain(0);
  await expect(once(stream, 'end')).rejects.toMatchObject({ code: expect.any(Number) });
  expect(await seenBy(client)).toMatchObject({ peer: { kind: 'certificate' } });
});

test('a close waits for nobody when idle', async () => {
  const { server, address } = await echoServer(authority);
  await seenBy(clientOf(authority, address)); // its connection stays open
  expect(await server.close(60_000)).toBe('drained');
});

test('a close cuts a stream that does not end', async () => {
  const { server, address } = await echoServer(authority);
  const stream = clientOf(authority, address).stream(streamAggregatedResources);
  stream.write(create(DiscoveryRequestSchema, { versionInfo: 'one' }));
  await nextOf(stream);
  const ended = new Promise((resolve) => stream.once('status', resolve));
  stream.on('error', () => undefined);
  expect(await server.close(50)).toBe('forced');
  expect(await ended).toMatchObject({ code: expect.any(Number) });
});

async function bindResult(address: string) {
  const tls = { ...serverLeaf(authority), clientCaPem: authority.rootPem };
  const server = createGrpcServer({ address, tls, requireClientCertificate: true });
  onTestFinished(async () => {
    await server.close(0);
  });
  return server.bind();
}

test('an address that cannot be taken is a value with advice', async () => {
  const taken = await echoServer(authority);
  const folder = await temporaryFolder();
  const wants = [
    [taken.address, 'in-use'],
    ['203.0.113.7:0', 'no-such-address'],
    [`unix:${folder}/none/socket`, 'no-such-folder'],
    [`unix:${folder}/${'x'.repeat(120)}`, 'path-too-long'],
  ] as const;
  for (const [address, code] of wants) {
    expect(await bindResult(address)).toMatchObject({
      kind: 'refused',
      code,
      message: expect.stringContaining(`\`${address}\``),
      advice: expect.stringMatching(/\w/),
    });
  }
});

test('a Unix socket works like an address, TLS included', async () => {
  const { address } = await echoServer(authority, { address: `unix:${await temporaryFolder()}/socket` });
  expect(await seenBy(clientOf(authority, address))).toMatchObject({ peer: { spiffeUris: [cart] } });
});

test('a socket file that a killed server left is replaced; one in use, or what is no socket, is left alone', async () => {
  const folder = await temporaryFolder();
  const path = (name: string): string => join(folder, name);
  await run(execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path('dead'))}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]).catch(() => undefined);
  const listener = createServer().listen(path('used'));
  await once(listener, 'listening');
  onTestFinished(() => {
    listener.close();
  });
  await writeFile(path('letter'), 'dear');
  expect((await lstat(path('dead'))).isSocket()).toBe(true);
  expect(await bindResult(`unix:${path('dead')}`)).toMatchObject({ kind: 'bound' });
  expect(await bindResult(`unix:${path('used')}`)).toMatchObject({ code: 'in-use' });
  expect(await bindResult(`unix:${path('letter')}`)).toMatchObject({ code: 'in-use' });
  expect(await readFile(path('letter'), 'utf8')).toBe('dear');
});

test('a header block beyond the bound is refused, and the connection goes on', async () => {
  const { address } = await echoServer(authority);
  const client = clientOf(authority, address);
  const large = new Metadata();
  for (let name = 0; name < 20; name += 1) large.set(`x-${name}`, 'a'.repeat(1_000));
  await expect(seenBy(client, large)).rejects.toMatchObject({ code: expect.any(Number) });
  expect(await seenBy(client)).toMatchObject({ peer: { kind: 'certificate' } });
});
