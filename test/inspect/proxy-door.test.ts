/** The client of the inspection door, against servers that are and are not who they should be. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Authority } from '../../src/identity/authority.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { answerBytesMax } from '../../src/inspect/limits.ts';
import { ProxyDoor, type ProxyDoorPorts } from '../../src/inspect/proxy-door.io.ts';
import { ProxyEyes } from '../../src/inspect/proxy-eyes.io.ts';
import { fakePorts, hourMs } from '../identity/fake-ports.ts';
import { forge, stolenIssuer } from '../identity/forge.ts';

const cart = 'spiffe://mesh.example/ns/shop/sa/cart';
const till = 'spiffe://mesh.example/ns/shop/sa/till';
const ledger = 'spiffe://mesh.example/ns/bank/sa/ledger';
const proxy = { address: '192.0.2.1', tenant: 'shop', spiffeId: cart };
const ports = fakePorts(Date.now());

let authority: Authority;
let stateFolder: string;
beforeAll(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'coffre-test-'));
  authority = await openAuthority({ stateFolder, trustDomain: 'mesh.example', ports });
  await authority.ensure({ tenants: [], spiffeIds: [cart, till, ledger], leafLifetimeMs: hourMs });
});

afterAll(() => rm(stateFolder, { recursive: true, force: true }));

interface Shown {
  readonly certificateChainPem: string;
  readonly privateKeyPem: { reveal(): string };
}

/** @returns its port, and how many connections came to it. */
async function serve(shown: Shown | undefined, answer: RequestListener) {
  const tls = {
    cert: shown?.certificateChainPem,
    key: shown?.privateKeyPem.reveal(),
    ca: authority.rootPem,
    requestCert: true,
  };
  const server = shown === undefined ? createServer(answer) : createHttpsServer(tls, answer);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

function doorTo(port: number, more: Partial<ProxyDoorPorts> = {}): ProxyDoor {
  const door = new ProxyDoor({
    credentials: () => authority.clientCredentials(),
    anchorsOf: (tenant) => authority.bundlePem(tenant),
    dial: async () => connect(port, '127.0.0.1'),
    ...more,
  });
  onTestFinished(() => door.close());
  return door;
}

const tellPath: RequestListener = (request, response) => response.end(`${request.method} ${request.url}`);

test('asks the workload, and keeps the connection for the next question', async () => {
  const server = await serve(authority.leaf(cart), tellPath);
  const door = doorTo(server.port);
  expect(await door.read(proxy, '/stats?filter=x')).toEqual({ kind: 'read', text: 'GET /stats?filter=x' });
  expect(await door.read(proxy, '/runtime')).toEqual({ kind: 'read', text: 'GET /runtime' });
  expect(server.connections()).toBe(1);
});

test('believes nobody but that workload', async () => {
  const forged = await forge(
    await stolenIssuer(stateFolder, 'tenants/bank', ports),
    { alternativeNames: [{ type: 'url', value: cart }] },
    ports,
  );
  const impostors: readonly (readonly [string, Shown | undefined])[] = [
    ['another workload of its tenant', authority.leaf(till)],
    ['a workload of another tenant', authority.leaf(ledger)],
    ['the same name by the CA of another tenant', { ...forged, privateKeyPem: { reveal: () => forged.privateKeyPem } }],
    ['the control plane’s server', authority.serverCredentials()],
    ['plaintext', undefined],
  ];
  for (const [who, shown] of impostors) {
    let asked = 0;
    const server = await serve(shown, (_, response) => {
      asked += 1;
      response.end();
    });
    const reading = await doorTo(server.port).read(proxy, '/config_dump');
    expect({ who, kind: reading.kind, asked }).toEqual({ who, kind: 'unreachable', asked: 0 });
  }
});

test('a certificate or an anchor that was replaced is not used for another question', async () => {
  const server = await serve(authority.leaf(cart), tellPath);
  let credentials: Leaf | undefined = authority.clientCredentials();
  const door = doorTo(server.port, { credentials: () => credentials });
  await door.read(proxy, '/runtime');
  credentials = credentials && { ...credentials };
  expect((await door.read(proxy, '/runtime')).kind).toBe('read');
  expect(server.connections()).toBe(2);
  credentials = undefined;
  expect(await door.read(proxy, '/runtime')).toEqual({
    kind: 'unreachable',
    why: 'there is no certificate to ask with yet',
  });
});

test('an answer beyond the bound is not read to its end', async () => {
  const block = Buffer.alloc(1_024 * 1_024);
  let sent = 0;
  const server = await serve(authority.leaf(cart), (_, response) => {
    const more = (): void => {
      sent += block.length;
      if (!response.destroyed) response.write(block, more);
    };
    more();
  });
  const reading = await doorTo(server.port).read(proxy, '/config_dump');
  expect(reading).toMatchObject({ kind: 'unreachable', why: expect.stringContaining('UND_ERR_RES_EXCEEDED_MAX_SIZE') });
  expect(sent).toBeGreaterThan(answerBytesMax);
});

test('another status than 200 is told as such, and nobody at the address as unreachable', async () => {
  const server = await serve(authority.leaf(cart), (_, response) => response.writeHead(403).end());
  expect(await doorTo(server.port).read(proxy, '/clusters')).toEqual({ kind: 'refused', status: 403 });
  const nobody = doorTo(server.port, { dial: async () => connect(1, '127.0.0.1') });
  expect(await nobody.read(proxy, '/clusters')).toMatchObject({
    kind: 'unreachable',
    why: expect.stringContaining('ECONNREFUSED'),
  });
  const aborted = await doorTo(server.port).read(proxy, '/clusters', AbortSignal.abort());
  expect(aborted.kind).toBe('unreachable');
});

test('what cannot be seen is undefined, and never empty', async () => {
  const server = await serve(authority.leaf(cart), (request, response) =>
    response.end(request.url === '/stats?filter=%5Ea%26' ? 'a.b: 3\na.h: P0(1,2)\n' : 'nonsense'),
  );
  const eyes = new ProxyEyes(doorTo(server.port), (key) => (key === 'shop/cart' ? proxy : undefined));
  expect(await eyes.stats('shop/cart', '^a&')).toEqual(new Map([['a.b', 3]]));
  expect(await eyes.runtime('shop/cart')).toBeUndefined();
  expect(await eyes.config('shop/cart')).toBeUndefined();
  expect(await eyes.stats('shop/nobody', 'x')).toBeUndefined();
});
