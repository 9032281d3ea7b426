/**
 * The ext_authz server alone under a real Envoy, which runs with the configuration printed in docs/authz-alone.md: first
 * with our server behind it, then with one that lies. What counts is the application's own log of requests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { CheckResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { allowAnswer } from '../../src/authz/answer.ts';
import { type Lie, LyingAuthz } from '../authz/support/lying-authz.ts';
import { createTestAuthority, type Leaf } from '../authz/support/pki.ts';
import { type StaticEnvoy, startEnvoy } from './static-envoy.ts';

const repo = resolve(import.meta.dirname, '../..');
const cartId = 'spiffe://mesh.example/ns/shop/sa/cart';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let folder: string;
let caPem: string;
let envoy: StaticEnvoy;
let authz: RunningAuthz;
const liar = new LyingAuthz();
const agents = new Map<'cart' | 'stranger', Agent>();
const ports = new Map<string, number>();

/** The application: every request that got through, as `METHOD /path`. */
const seen: string[] = [];
const app = createServer((incoming, answer) => {
  seen.push(`${incoming.method} ${incoming.url}`);
  answer.writeHead(200, { 'x-coffre-decision': 'forged-by-the-application' }).end('from the application');
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coffre-e2e-'));
  const authority = await createTestAuthority();
  caPem = authority.caPem;
  await writeFile(join(folder, 'ca.crt'), caPem);
  await writeLeaf('authz', await authority.issue({ type: 'dns', value: 'authz.mesh.example' }));
  await writeLeaf('proxy', await authority.issue({ type: 'dns', value: 'proxy.mesh.example' }));
  agents.set('cart', agentOf(await authority.issue({ type: 'url', value: cartId })));
  agents.set('stranger', agentOf(await authority.issue({ type: 'url', value: `${cartId}-old` })));
  await writeFile(
    join(folder, 'rules.json'),
    JSON.stringify({
      rules: [{ name: 'cart reads items', principals: [cartId], methods: ['GET'], paths: ['/items'] }],
    }),
  );
  await new Promise<void>((listening) => app.listen(0, '127.0.0.1', listening));
  await liar.listen({ path: join(folder, 'liar.sock') });
  authz = await startAuthz();
  envoy = await startEnvoy(folder, await bootstrap());
  // Its listeners take nobody before the first health check of every cluster has ended.
  await vi.waitFor(async () => expect(await admin('/ready')).toBe('LIVE\n'), { timeout: 20_000 });
  for (const listener of await listeners()) ports.set(listener.name, listener.port);
});

afterAll(async () => {
  for (const agent of agents.values()) agent.destroy();
  await envoy.stop();
  await authz.stop('SIGKILL');
  liar.close();
  app.close();
  await rm(folder, { recursive: true });
});

test('an allowed request reaches the application, and the caller learns the decision id from us alone', async () => {
  const before = seen.length;
  const answer = await ask('honest', '/items/7?all=1');
  expect(answer).toMatchObject({ status: 200, body: 'from the application', decision: expect.stringMatching(uuid) });
  expect(seen.slice(before)).toEqual(['GET /items/7?all=1']);
  expect(await authz.recordOf(answer.decision)).toMatchObject({
    verdict: 'allow',
    rule: 'cart reads items',
    request: { principal: cartId, method: 'GET', path: '/items/7', host: 'shop.example' },
  });
});

test.for([
  ['a path no rule names', '/admin', {}],
  ['a path that only looks allowed', '/items/../admin', {}],
  ['another method', '/items', { method: 'DELETE' }],
  ['another caller', '/items', { caller: 'stranger' }],
] as const)(
  '%s is denied with an id that the record has too, and nothing reaches the application',
  async ([, path, how]) => {
    const before = seen.length;
    const answer = await ask('honest', path, how);
    expect(answer).toMatchObject({ status: 403, decision: expect.stringMatching(uuid) });
    expect(JSON.parse(answer.body)).toEqual({ decision: answer.decision });
    expect(await authz.recordOf(answer.decision)).toMatchObject({ verdict: 'deny', reason: 'no-allow-rule' });
    expect(seen.slice(before)).toEqual([]);
  },
);

test('a client cannot choose the decision id', async () => {
  const answer = await ask('honest', '/items', { headers: { 'x-request-id': 'chosen-by-the-client' } });
  expect(answer).toMatchObject({ status: 200, decision: expect.stringMatching(uuid) });
});

test('a header that is not UTF-8 does not keep the check from being judged', async () => {
  const headers = { 'x-note': 'caf\u00e9' }; // sent as latin1
  expect(await ask('honest', '/items', { headers })).toMatchObject({ status: 200 });
  expect(await ask('honest', '/admin', { headers })).toMatchObject({ status: 403 });
});

test('a path with bytes beyond ASCII is refused before the application', async () => {
  const before = seen.length;
  expect(await askRaw('GET /items/\xff HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 4\d\d /,
  );
  expect(seen.slice(before)).toEqual([]);
});

test('Envoy asks the server for its health, and finds it serving', async () => {
  const success = () => admin('/stats?filter=cluster.authz.health_check.success');
  await expect.poll(success, { timeout: 20_000 }).toMatch(/: [1-9]/); // the first may have been too slow
});

const mark = { verdict: 'allow' };
const lies: readonly (readonly [string, Lie, number])[] = [
  ['an empty CheckResponse', message({}), 403],
  ['OK without the mark', message({ status: { code: 0 }, httpResponse: { case: 'okResponse', value: {} } }), 403],
  [
    'OK with a denied_response',
    message({ status: { code: 0 }, httpResponse: { case: 'deniedResponse', value: {} } }),
    403,
  ],
  ['OK with another mark', message({ status: { code: 0 }, dynamicMetadata: { verdict: 'deny' } }), 403],
  ['OK with a mark that is no text', message({ status: { code: 0 }, dynamicMetadata: { verdict: true } }), 403],
  ['a denial with the mark', message({ status: { code: 7 }, dynamicMetadata: mark }), 403],
  ['a code that does not exist, with the mark', message({ status: { code: 99 }, dynamicMetadata: mark }), 403],
  ['bytes that are no protobuf', { kind: 'message', bytes: Buffer.alloc(40, 0xff) }, 503],
  ['an allow that lacks its last byte', { kind: 'message', bytes: allowAnswer('7').subarray(0, -1) }, 503],
  ['an allow in a frame that says more', { kind: 'cut-frame', bytes: allowAnswer('7') }, 503],
  ['gRPC status 0 and no message', { kind: 'status', code: 0 }, 503],
  ['gRPC status UNAVAILABLE', { kind: 'status', code: 14 }, 503],
  ['HTTP status 200 and no more', { kind: 'http-status', code: 200 }, 503],
  ['HTTP status 500', { kind: 'http-status', code: 500 }, 503],
  ['nothing for longer than 200 ms', { kind: 'silence' }, 503],
  ['a reset of the stream', { kind: 'reset-stream' }, 503],
  ['a reset of the connection', { kind: 'reset-connection' }, 503],
  ['an allow that rewrites the path', rewriting(':path', '/admin'), 500],
  ['an allow that rewrites the host', rewriting(':authority', 'evil.example'), 500],
  ['an allow that adds a header to the request', rewriting('x-role', 'admin'), 500],
  ['an allow that breaks a header line', rewriting('x-role', 'a\r\nx-role: admin'), 500],
];

test.for(lies)('a server that answers %s gets nobody through', async ([, lie, status]) => {
  const before = { seen: seen.length, asked: liar.asked };
  liar.lie = lie;
  expect((await ask('lying', '/items')).status).toBe(status);
  expect(liar.asked).toBe(before.asked + 1);
  expect(seen.slice(before.seen)).toEqual([]);
});

test('an allow that says what it must gets through, so the lies above failed by what they said', async () => {
  const before = seen.length;
  liar.lie = { kind: 'message', bytes: allowAnswer('7') };
  expect(await ask('lying', '/items')).toMatchObject({ status: 200, decision: '7' });
  expect(seen.slice(before)).toEqual(['GET /items']);
});

test('of random answers only those get through that carry OK and the mark', async () => {
  const damaged = fc
    .tuple(fc.nat({ max: allowAnswer('7').length - 1 }), fc.nat({ max: 255 }))
    .map(([at, value]) => Buffer.from(allowAnswer('7').with(at, value)));
  const written = fc
    .record({
      status: fc.record({ code: fc.constantFrom(0, 0, 0, 7, 14) }),
      dynamicMetadata: fc.record({ verdict: fc.constantFrom('allow', 'allow', 'deny', '', 'allow ') }),
    })
    .map((init) => ({
      bytes: encoded(init),
      mayPass: init.status.code === 0 && init.dynamicMetadata.verdict === 'allow',
    }));
  const answers = fc.oneof(
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 120 }).map((bytes) => ({ bytes, mayPass: false })) },
    { weight: 2, arbitrary: damaged.map((bytes) => ({ bytes, mayPass: bytes.includes(markBytes) })) },
    { weight: 1, arbitrary: written },
  );
  const tally = { passed: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(answers, async ({ bytes, mayPass }) => {
      const before = seen.length;
      liar.lie = { kind: 'message', bytes };
      // What gets through may be damaged for the caller: a header without a name, for one. The application's log decides.
      const status = await ask('lying', '/items').then(
        (answer) => answer.status,
        () => 'unreadable' as const,
      );
      const passed = seen.length > before;
      if (passed) expect(mayPass).toBe(true);
      else expect([403, 500, 503]).toContain(status);
      tally[passed ? 'passed' : 'refused'] += 1;
    }),
    { numRuns: 200 },
  );
  expect(tally.passed).toBeGreaterThan(0);
  expect(tally.refused).toBeGreaterThan(100);
});

test('with the server killed every request is 503, and with a new one they are judged again', async () => {
  await authz.stop('SIGKILL');
  const before = seen.length;
  expect(await ask('honest', '/items')).toMatchObject({ status: 503, decision: expect.stringMatching(uuid) });
  expect(await ask('honest', '/admin')).toMatchObject({ status: 503 });
  expect(seen.slice(before)).toEqual([]);

  authz = await startAuthz();
  await expect.poll(async () => (await ask('honest', '/items')).status, { timeout: 20_000 }).toBe(200);
  expect((await ask('honest', '/admin')).status).toBe(403);
});

test('asked to leave, the server ends by itself', async () => {
  expect(await authz.stop('SIGTERM')).toBe(0);
});

test.for([
  ['a rules file it cannot read as rules', { rules: 'ca.crt' }, 'is no rules file'],
  ['a certificate that does not fit its key', { key: 'proxy.key' }, 'cannot be used together'],
  ['an address it cannot take', { listen: 'unix:/nowhere/authz.sock' }, 'cannot listen on'],
] as const)('a server with %s does not start, and says why', async ([, changes, why]) => {
  const child = spawnAuthz(changes);
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(78);
  expect(said).toContain(why);
});

// ---- The server under test, as a program

interface RunningAuthz {
  /** The decision record of this id, as soon as it is written. */
  recordOf(id: string): Promise<unknown>;
  /** @returns the exit code; null where the signal ended it. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

function spawnAuthz(changes: Partial<Record<'listen' | 'rules' | 'key', string>> = {}) {
  const flags = {
    listen: changes.listen ?? `unix:${join(folder, 'authz.sock')}`,
    rules: join(folder, changes.rules ?? 'rules.json'),
    certificate: join(folder, 'authz.crt'),
    key: join(folder, changes.key ?? 'authz.key'),
    'client-ca': join(folder, 'ca.crt'),
  };
  const argv = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  return spawn(process.execPath, [join(repo, 'src/authz/alone.io.ts'), ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function startAuthz(): Promise<RunningAuthz> {
  const child = spawnAuthz();
  const records = new Map<string, unknown>();
  const written = createInterface({ input: child.stdout });
  written.on('line', (line) => {
    const record: { readonly id: string } = JSON.parse(line);
    records.set(record.id, record);
  });
  await ready(child, createInterface({ input: child.stderr }));
  return {
    async recordOf(id) {
      while (!records.has(id)) await once(written, 'line');
      return records.get(id);
    },
    async stop(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
      return child.exitCode;
    },
  };
}

async function ready(child: ChildProcess, lines: Interface): Promise<void> {
  const said: string[] = [];
  lines.on('line', (line) => said.push(line));
  await Promise.race([once(lines, 'line'), once(child, 'exit')]);
  if (!said.some((line) => line.startsWith('answers checks on'))) throw new Error(`authz did not start: ${said}`);
}

async function writeLeaf(name: string, { certificatePem, keyPem }: Leaf): Promise<void> {
  await writeFile(join(folder, `${name}.crt`), certificatePem);
  await writeFile(join(folder, `${name}.key`), keyPem);
}

// ---- Envoy, by the page

async function bootstrap(): Promise<object> {
  const page = await readFile(join(repo, 'docs/authz-alone.md'), 'utf8');
  const printed = (heading: string): string => {
    const [, yaml] = new RegExp(`\`\`\`yaml\\n# ${heading}\\n(.*?)\`\`\``, 's').exec(page) ?? [];
    if (yaml === undefined) throw new Error(`the page has no block \`${heading}\``);
    return yaml.replaceAll('/run/authz/', `${folder}/`).replaceAll('/etc/mesh/', `${folder}/`);
  };
  const manager = printed('http_connection_manager');
  const static_ = (name: string, address: object, more: object = {}) => ({
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...more,
  });
  const http2 = {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
  return {
    admin: { address: { pipe: { path: join(folder, 'admin.sock') } } },
    static_resources: {
      listeners: [
        listener('honest', parse(manager)),
        listener('lying', parse(manager.replace('cluster_name: authz', 'cluster_name: liar'))),
      ],
      clusters: [
        parse(printed('cluster')),
        static_('liar', { pipe: { path: join(folder, 'liar.sock') } }, http2),
        static_('app', loopback((app.address() as AddressInfo).port)),
      ],
    },
  };
}

function listener(name: string, manager: object): object {
  const type = 'type.googleapis.com/envoy.extensions';
  return {
    name,
    address: loopback(0),
    filter_chains: [
      {
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': `${type}.transport_sockets.tls.v3.DownstreamTlsContext`,
            require_client_certificate: true,
            common_tls_context: {
              tls_certificates: [
                {
                  certificate_chain: { filename: join(folder, 'proxy.crt') },
                  private_key: { filename: join(folder, 'proxy.key') },
                },
              ],
              validation_context: { trusted_ca: { filename: join(folder, 'ca.crt') } },
            },
          },
        },
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              route_config: {
                virtual_hosts: [
                  { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'app' } }] },
                ],
              },
              ...manager,
            },
          },
        ],
      },
    ],
  };
}

function loopback(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** The ports that Envoy was given. */
async function listeners(): Promise<readonly { readonly name: string; readonly port: number }[]> {
  const { listener_statuses } = JSON.parse(await admin('/listeners?format=json')) as {
    listener_statuses: readonly { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  return listener_statuses.map(({ name, local_address }) => ({ name, port: local_address.socket_address.port_value }));
}

async function admin(path: string): Promise<string> {
  const [answer] = await once(get({ socketPath: join(folder, 'admin.sock'), path }), 'response');
  return await text(answer);
}

// ---- Callers

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  /** Header x-coffre-decision. */
  readonly decision: string;
}

interface How {
  readonly method?: string;
  readonly caller?: 'cart' | 'stranger';
  readonly headers?: Readonly<Record<string, string>>;
}

function agentOf({ certificatePem, keyPem }: Leaf): Agent {
  return new Agent({ keepAlive: true, ca: caPem, cert: certificatePem, key: keyPem });
}

async function ask(listener: 'honest' | 'lying', path: string, how: How = {}): Promise<Answer> {
  const outgoing = request({
    host: '127.0.0.1',
    port: ports.get(listener),
    servername: 'proxy.mesh.example',
    agent: agents.get(how.caller ?? 'cart'),
    method: how.method ?? 'GET',
    path,
    headers: { host: 'shop.example', ...how.headers },
  });
  outgoing.end();
  const [answer] = await once(outgoing, 'response');
  return {
    status: answer.statusCode,
    body: await text(answer),
    decision: answer.headers['x-coffre-decision'] ?? '',
  };
}

async function askRaw(bytes: string): Promise<string> {
  const { ca, cert, key } = agents.get('cart')?.options ?? {};
  const socket = connect({
    host: '127.0.0.1',
    port: ports.get('honest'),
    servername: 'proxy.mesh.example',
    ca,
    cert,
    key,
  });
  socket.write(bytes, 'latin1');
  return await text(socket);
}

// ---- Lies

function encoded(init: MessageInitShape<typeof CheckResponseSchema>): Buffer {
  return Buffer.from(toBinary(CheckResponseSchema, create(CheckResponseSchema, init)));
}

function message(init: MessageInitShape<typeof CheckResponseSchema>): Lie {
  return { kind: 'message', bytes: encoded(init) };
}

function rewriting(key: string, value: string): Lie {
  return message({
    status: { code: 0 },
    httpResponse: { case: 'okResponse', value: { headers: [{ header: { key, value } }] } },
    dynamicMetadata: mark,
  });
}

/** The whole entry of the metadata, as every encoder writes it. */
const markBytes = Buffer.from('\n\x07verdict\x12\x07\x1a\x05allow', 'latin1');
