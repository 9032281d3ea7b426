/**
 * Our certificates before the real Envoy (BoringSSL): one tenant's intermediate as the only anchor, a prefix on the URI,
 * TLS 1.3, no resumption, as every inbound chain has it; and, beside it, a listener anchored at the root alone, where the
 * name constraints stand by themselves. A third resumes sessions, as none of ours does: what that would cost.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CertificateProfile } from '../../src/identity/certificate-profile.ts';
import type { Leaf } from '../../src/identity/leaf.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { fakePorts } from '../identity/fake-ports.ts';
import { forge, stolenIssuer } from '../identity/forge.ts';
import type { Side } from '../identity/handshake.ts';
import { lineThat, type StaticEnvoy, startEnvoy } from './static-envoy.ts';

const dayMs = 86_400_000;
const cart = 'spiffe://mesh.example/ns/shop/sa/cart';
const ledger = 'spiffe://mesh.example/ns/bank/sa/ledger';

type Anchor = 'shop' | 'root' | 'resuming';

interface Verdict {
  /** Status line of the answer; empty where not a byte came back. */
  readonly answer: string;
  /** Envoy's reason in its listener log; `-` for none. */
  readonly reason: string;
}

let folder: string;
let envoy: StaticEnvoy;
const sides = new Map<string, Side>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coffre-e2e-'));
  const stateFolder = join(folder, 'state');
  const ports = fakePorts(Date.now() - 2 * dayMs);
  const authority = await openAuthority({ stateFolder, trustDomain: 'mesh.example', ports });
  const wanted = { tenants: [], spiffeIds: [cart, ledger], leafLifetimeMs: dayMs };
  await authority.ensure(wanted);
  sides.set('expired leaf', sideOf(authority.leaf(cart)));
  ports.clock.set(Date.now());
  await authority.ensure(wanted);
  sides.set('own leaf', sideOf(authority.leaf(cart)));
  sides.set('other leaf', sideOf(authority.leaf(ledger)));
  const bank = await stolenIssuer(stateFolder, 'tenants/bank', ports);
  const url = (value: string): Partial<CertificateProfile> => ({ alternativeNames: [{ type: 'url', value }] });
  const dns = { alternativeNames: [{ type: 'dns', value: 'coffre.mesh.coffre' }] } as const;
  sides.set('forged by other CA', await forge(bank, url(cart), ports));
  sides.set('foreign trust domain', await forge(bank, url('spiffe://other.example/ns/bank/sa/a'), ports));
  sides.set('control-plane name', await forge(bank, dns, ports));
  const server = sideOf(authority.leaf(cart));
  const shop = authority.bundlePem('shop') ?? '';
  const config = bootstrap(server, { shop, root: authority.rootPem, resuming: shop });
  envoy = await startEnvoy(folder, config);
});

afterAll(async () => {
  await envoy.stop();
  await rm(folder, { recursive: true, force: true });
});

const cases: readonly [string, Anchor, Verdict][] = [
  ['own leaf', 'shop', { answer: 'HTTP/1.1 200 OK', reason: '-' }],
  ['other leaf', 'shop', { answer: '', reason: 'unable_to_get_local_issuer_certificate' }],
  ['forged by other CA', 'shop', { answer: '', reason: 'unable_to_get_local_issuer_certificate' }],
  ['expired leaf', 'shop', { answer: '', reason: 'certificate_has_expired' }],
  ['own leaf', 'root', { answer: 'HTTP/1.1 200 OK', reason: '-' }],
  // Why nobody in the mesh is anchored at the root: a constraint knows hosts, not tenants.
  ['forged by other CA', 'root', { answer: 'HTTP/1.1 200 OK', reason: '-' }],
  ['foreign trust domain', 'root', { answer: '', reason: 'permitted_subtree_violation' }],
  ['control-plane name', 'root', { answer: '', reason: 'excluded_subtree_violation' }],
];

test.each(cases)('Envoy judges "%s" at the anchor "%s" as it should', async (name, anchor, expected) => {
  const side = sideNamed(name);
  const logged = lineThat(envoy.log, (line) => line.startsWith(`${anchor} `));
  const answer = await request(join(folder, `${anchor}.sock`), side);
  const reason = (await logged).slice(anchor.length + 1);
  expect(answer).toBe(expected.answer);
  expect(reason).toContain(expected.reason);
});

test('no session is offered that could be resumed after its certificate has ended', async () => {
  expect(await sessionOf('shop')).toBeUndefined();
});

test('where sessions are resumed, one lets an expired certificate in: so none of ours is', async () => {
  const session = await sessionOf('resuming');
  if (session === undefined) throw new Error('the listener that resumes offered no session');
  const expired = sideNamed('expired leaf');
  expect(await request(join(folder, 'resuming.sock'), expired)).toBe('');
  expect(await request(join(folder, 'resuming.sock'), expired, { session })).toBe('HTTP/1.1 200 OK');
  const logged = lineThat(envoy.log, (line) => line.startsWith('shop '));
  expect(await request(join(folder, 'shop.sock'), expired, { session })).toBe('');
  expect(await logged).toContain('certificate_has_expired');
});

/** The session that a client with a good certificate is offered; undefined where there was none before the answer's end. */
async function sessionOf(anchor: Anchor): Promise<Buffer | undefined> {
  let offered: Buffer | undefined;
  const side = sideNamed('own leaf');
  const answer = await request(join(folder, `${anchor}.sock`), side, {}, (session) => {
    offered = session;
  });
  expect(answer).toBe('HTTP/1.1 200 OK');
  return offered;
}

function sideNamed(name: string): Side {
  const side = sides.get(name);
  if (side === undefined) throw new Error(`no certificate ${name}`);
  return side;
}

function sideOf(leaf: Leaf | undefined): Side {
  if (leaf === undefined) throw new Error('no leaf');
  return { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
}

/** @returns the first line of what came back, empty for nothing: a refused client hears an alert, a reset or an end. */
async function request(
  path: string,
  side: Side,
  options: ConnectionOptions = {},
  onSession: (session: Buffer) => void = () => undefined,
): Promise<string> {
  const { certificateChainPem: cert, privateKeyPem: key } = side;
  const socket = connect({ ...options, path, cert, key, rejectUnauthorized: false });
  socket.on('session', onSession);
  let received = '';
  socket.on('data', (bytes) => {
    received += bytes.toString();
  });
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: mesh\r\nconnection: close\r\n\r\n');
  await new Promise((done) => socket.once('close', done));
  return received.split('\r\n')[0] ?? '';
}

function bootstrap(server: Side, anchors: Record<Anchor, string>): object {
  return { static_resources: { listeners: Object.entries(anchors).map(([name, pem]) => listener(name, pem, server)) } };
}

function listener(name: string, anchorPem: string, server: Side): object {
  const type = 'type.googleapis.com/envoy.extensions';
  const format = `${name} %DOWNSTREAM_TRANSPORT_FAILURE_REASON%\n`;
  return {
    name,
    address: { pipe: { path: join(folder, `${name}.sock`) } },
    access_log: [
      {
        name: 'stdout',
        typed_config: {
          '@type': `${type}.access_loggers.stream.v3.StdoutAccessLog`,
          log_format: { text_format_source: { inline_string: format } },
        },
      },
    ],
    filter_chains: [
      {
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': `${type}.transport_sockets.tls.v3.DownstreamTlsContext`,
            require_client_certificate: true,
            disable_stateless_session_resumption: name !== 'resuming',
            disable_stateful_session_resumption: name !== 'resuming',
            common_tls_context: {
              tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
              tls_certificates: [
                {
                  certificate_chain: { inline_string: server.certificateChainPem },
                  private_key: { inline_string: server.privateKeyPem },
                },
              ],
              validation_context: {
                trusted_ca: { inline_string: anchorPem },
                // At the root the names are left to the constraints: whatever passes, passes because of the chain.
                ...(name === 'root' ? {} : { match_typed_subject_alt_names: [tenantPrefix('shop')] }),
              },
            },
          },
        },
        filters: [
          {
            name: 'http',
            typed_config: {
              '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              route_config: {
                virtual_hosts: [
                  {
                    name: 'all',
                    domains: ['*'],
                    routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }],
                  },
                ],
              },
              http_filters: [{ name: 'router', typed_config: { '@type': `${type}.filters.http.router.v3.Router` } }],
            },
          },
        ],
      },
    ],
  };
}

function tenantPrefix(tenant: string): object {
  return { san_type: 'URI', matcher: { prefix: `spiffe://mesh.example/ns/${tenant}/` } };
}
