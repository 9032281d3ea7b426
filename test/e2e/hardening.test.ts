/**
 * What a caller with a good certificate can do with bytes alone, and one with a bad certificate at all, at a real inbound
 * listener of ours. The oracle is the application's log: an answer of 403 to a request that it saw would be a failure.
 *
 *   aurore/adele, allowed everything but `/admin/*` ──raw bytes over TLS──▶ Envoy ──▶ the application writes down
 *
 * A row says what is sent and what becomes of it: the answers, then what the application saw, if anything.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure } from '../../src/controller/configure.ts';
import { sniOf } from '../../src/envoy/names.ts';
import { leafProfile } from '../../src/identity/certificate-profile.ts';
import { issueCertificate } from '../../src/identity/issue-certificate.io.ts';
import { generateKeyPair } from '../../src/identity/key-pair.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { createTestAuthority } from '../authz/support/pki.ts';
import { platform } from '../fixtures/configured.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { spiffeId } from '../fixtures/random-mesh.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { Callers, type Credentials } from './differential/callers.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';
import { type Became, sendPlain, sendRaw, type Target } from './differential/raw-http.ts';
import { softened } from './differential/soften.ts';

const adele = spiffeId('aurore', 'adele');
const mesh = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, authorization: { mode: dynamicOnly } }
`,
  tenant('aurore'),
  pod('aurore', 'adele', '10.1.0.1'),
  service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
  `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: no-admin, namespace: aurore }
spec: { deny: [{ to: { paths: [/admin/*] } }] }
`,
);

type Row = readonly [sent: string, becomes: string];

/** SEC-01 to SEC-04: request targets. */
const paths: readonly Row[] = [
  ['/ok', '200 GET /ok'],
  ['/a/../admin', '403'],
  ['/a/./admin', '200 GET /a/admin'],
  ['/./admin', '403'],
  ['/a/%2e%2e/admin', '403'],
  ['/a/.%2E/admin', '403'],
  ['/%2e/admin', '403'],
  ['/a/../../admin', '403'],
  ['/admin/.', '403'],
  ['/admin/../ok', '200 GET /ok'],
  ['/admin/%2e%2e/admin', '403'],
  ['/admin%2Fx', '400'],
  ['/a/..%2fadmin', '400'],
  ['/admin%5Cx', '400'],
  ['/a\\..\\admin', '403'],
  ['\\admin', '400'],
  ['//admin', '403'],
  ['///admin//x', '403'],
  ['/admin;', '403'],
  ['/admin;x/y', '403'],
  ['/user/..;x=1/admin', '403'],
  ['/user/..;/admin', '403'],
  ['/a/b/..;/../admin', '403'],
  ['/.;/admin', '403'],
  ['/ok;/../admin', '403'],
  // Envoy leaves these as they are; an application may not, so policy refuses them.
  ['/;x/admin', '403'],
  ['/ok/..%3b/admin', '403'],
  ['/%2e%2e;/admin', '403'],
  ['/ok;x/admin', '200 GET /ok;x/admin'],
  ['/admin%3Bx', '403'],
  ['/admin#x', '400'],
  ['/ok#/../admin', '400'],
  ['/admin%23x', '200 GET /admin%23x'],
  ['/admin?', '403'],
  ['/ok?/../admin', '200 GET /ok?/../admin'],
  ['/admin.', '200 GET /admin.'],
  ['*', '400'],
  ['admin', '400'],
  ['/%61dmin', '403'],
  ['/%2561dmin', '200 GET /%2561dmin'],
  ['/ADMIN', '200 GET /ADMIN'],
  ['/admin\0', '400'],
  ['/admin\x7f', '400'],
  ['/admin\xc3\xa9', '400'],
  ['/ok x', '400'],
  ['/%', '403'],
  [`/${'a/'.repeat(2_000)}${'../'.repeat(2_000)}admin`, '403'],
  [`/${'a'.repeat(8_191)}`, `200 GET /${'a'.repeat(8_191)}`],
  [`/${'a'.repeat(70_000)}`, '431'],
];

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: callee\r\nConnection: close\r\n\r\n`;
const host = (value: string) => get('/ok').replace('callee', value);
const target = (value: string) => get(value);
const header = (lines: string) => get('/ok').replace('Connection', `${lines}\r\nConnection`);
const upgrade = (protocol: string) =>
  `GET /ok HTTP/1.1\r\nHost: callee\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
const post = (lines: string, body: string) => `POST /ok HTTP/1.1\r\nHost: callee\r\n${lines}\r\n\r\n${body}`;
const kept = (bytes: string) => bytes.replace('Connection: close\r\n', '');

const messages: Readonly<Record<string, Row>> = {
  'SEC-06 an absolute target is judged by its path': [target('http://callee/admin'), '403'],
  'SEC-06 an absolute target that is allowed arrives by its path': [target('http://callee/ok'), '200 GET /ok'],
  'SEC-06 a host in capitals': [host('CALLEE'), '200 GET /ok'],
  'SEC-06 a host with a blank': [host('cal lee'), '400'],
  'SEC-06 a host with a path': [host('callee/admin'), '400'],
  'SEC-06 no host': ['GET /ok HTTP/1.1\r\n\r\n', '400'],
  'SEC-08 an underscore in a name': [header('x_forwarded_for: 1'), '400'],
  'SEC-08 NUL in a value': [header('x-a: a\0b'), '400'],
  'SEC-08 a byte above 0x7f in a name': [header('x\xff: a'), '400'],
  'SEC-08 a line without a colon': [header('x-a'), '400'],
  'SEC-08 an empty name': [header(': a'), '400'],
  'SEC-08 more headers than the limit': [header('x-a: 1\r\n'.repeat(101).trimEnd()), '431'],
  'SEC-08 a header of 70 kB': [header(`x-a: ${'a'.repeat(70_000)}`), '431'],
  'SEC-18 a WebSocket': [upgrade('websocket'), '403'],
  'SEC-18 an upgrade to what nobody knows': [upgrade('foo'), '403'],
  'SEC-19 CONNECT': ['CONNECT callee:8080 HTTP/1.1\r\nHost: callee:8080\r\n\r\n', '403'],
  'SEC-19 CONNECT with a path': ['CONNECT /ok HTTP/1.1\r\nHost: callee\r\n\r\n', '400'],
  'SEC-20 an upgrade to h2c is not made': [upgrade('h2c'), '200 GET /ok'],
  'SEC-20 HTTP/1.0': ['GET /ok HTTP/1.0\r\nHost: callee\r\n\r\n', '426'],
  'SEC-20 HTTP/0.9': ['GET /ok\r\n\r\n', '426'],
  'SEC-20 a preface inside HTTP/1.1': [`${kept(get('/ok'))}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, '200 400 GET /ok'],
  'SEC-20 two requests, each judged': [kept(get('/ok')) + get('/admin'), '200 403 GET /ok'],
  'SEC-20 what follows an empty body': [post('Content-Length: 0', get('/admin')), '200 403 POST /ok'],
  'SEC-20 two kinds of length': [
    post('Transfer-Encoding: chunked\r\nContent-Length: 4', `0\r\n\r\n${get('/admin')}`),
    '400',
  ],
  'SEC-20 two lengths': [post('Content-Length: 1\r\nContent-Length: 2', 'ab'), '400'],
  'SEC-20 a length with a sign': [post('Content-Length: +1', 'a'), '400'],
  'SEC-20 two codings': [post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'), '501'],
  'SEC-20 a coding that looks like chunked': [post('Transfer-Encoding: xchunked', '0\r\n\r\n'), '501'],
  'SEC-20 a blank before the colon': [header('x-a : a'), '400'],
  'SEC-20 a method in small letters': [get('/ok').replace('GET', 'get'), '400'],
};

inLab('a hardened listener', () => {
  let callers: Callers;
  let at: Target;
  let good: Credentials;
  let resources: ResourceSnapshot;
  beforeAll(async () => {
    callers = await Callers.issue();
    good = callers.of(adele);
    const sidecar = await OneSidecar.start();
    at = { sidecar, app: await sidecar.startApp('http', ['http:8080']), port: 8_080 };
    const { proxies } = configure(meshFrom(mesh), callers.trust, { ...platform, bypass }, 0);
    const configured = proxies.get('aurore/adele-1');
    if (configured === undefined) throw new Error('the sidecar was not configured');
    resources = configured;
    await sidecar.publish(resources);
  });
  afterAll(async () => {
    await at?.sidecar.stop();
    callers?.forget();
  });

  const options = { servername: sniOf('aurore'), ALPNProtocols: ['http/1.1'] };
  const send = (bytes: string) => sendRaw(at, good, bytes, options);

  test.each(paths.map(([sent, becomes]) => [sent.slice(0, 60), sent, becomes] as const))(
    'SEC-01 to SEC-04 the target %j',
    async (_name, sent, becomes) => {
      const became = await send(get(sent));
      expect(inWords(became)).toBe(becomes);
      expect(became.seen.filter(({ path }) => isAdmin(path))).toEqual([]);
    },
  );

  test('SEC-02 no escaped byte behind /admin reaches the application as /admin', async () => {
    const refused: string[] = [];
    for (let byte = 0; byte < 256; byte += 1) {
      const escaped = `%${byte.toString(16).padStart(2, '0')}`;
      const { answers, seen } = await send(get(`/admin${escaped}`));
      expect(seen.filter(({ path }) => isAdmin(path))).toEqual([]);
      if (answers !== '200') refused.push(`${escaped} ${answers}`);
    }
    expect(refused).toEqual(['%00 400', '%2f 400', '%3b 403', '%5c 400']);
  });

  test.each(Object.entries(messages))('%s', async (_name, [bytes, becomes]) => {
    expect(inWords(await send(bytes))).toBe(becomes);
  });

  /** Headers of the one request that arrived. */
  const headersOf = async (bytes: string) => (await send(bytes)).seen.map(({ headers }) => headers)[0] ?? {};

  test('SEC-06 two hosts arrive as one value that is neither', async () => {
    expect((await headersOf(header('Host: other')))['host']).toBe('callee,other');
  });

  test('SEC-06 the port of this listener is no part of the host', async () => {
    expect((await headersOf(host('callee:8080')))['host']).toBe('callee');
  });

  test('SEC-08 CR, LF and folded lines make no header that policy did not see', async () => {
    expect(await headersOf(header('x-a: a\rb'))).toMatchObject({ 'x-a': 'ab' });
    expect(await headersOf(header('x-a: a\r\n b'))).toMatchObject({ 'x-a': 'a b' });
  });

  test('SEC-09 a forged identity is replaced by that of the certificate', async () => {
    const forged = 'x-forwarded-client-cert: By=x;URI=spiffe://mesh.test/ns/aurore/sa/root';
    const found = (await headersOf(header(forged)))['x-forwarded-client-cert'];
    expect(found).toMatch(new RegExp(`^By=${adele};Hash=[0-9a-f]{64};URI=${adele}$`));
  });

  test('SEC-10 SEC-11 what would steer Envoy is dropped, and nothing is delayed or aborted', async () => {
    const steering = ['original-path', 'internal', 'retry-on', 'upstream-rq-timeout-ms', 'fault-abort-request'];
    const found = await headersOf(header(steering.map((name) => `x-envoy-${name}: 503`).join('\r\n')));
    expect(Object.keys(found).filter((name) => name.startsWith('x-envoy-'))).toEqual(['x-envoy-external-address']);
    expect(found['x-envoy-external-address']).toBe('10.99.0.1');
  });

  test('SEC-13 a request id is Envoy’s own', async () => {
    expect((await headersOf(header('x-request-id: chosen')))['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('SEC-24 plaintext is answered with no byte', async () => {
    expect(inWords(await sendPlain(at, Buffer.from(get('/ok'))))).toBe('silence');
  });

  test.each(['TLSv1', 'TLSv1.1', 'TLSv1.2'] as const)('SEC-25 %s is refused', async (version) => {
    const old = { ...options, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    expect(inWords(await sendRaw(at, good, get('/ok'), old))).toBe('alert');
  });

  test('SEC-25 no certificate is refused', async () => {
    expect(inWords(await sendRaw(at, undefined, get('/ok'), options))).toBe('alert');
  });

  test('SEC-25 a certificate that signed itself is refused', async () => {
    const keys = await generateKeyPair();
    const { pem } = await issueCertificate(leafProfile(adele, 3_600_000), keys, null, systemPorts);
    const own = { certificateChainPem: pem, privateKeyPem: keys.privateKeyPem.reveal() };
    expect(inWords(await sendRaw(at, own, get('/ok'), options))).toBe('alert');
  });

  test('SEC-25 the same name from another CA is refused', async () => {
    const leaf = await (await createTestAuthority()).issue({ type: 'url', value: adele });
    const other = { certificateChainPem: leaf.certificatePem, privateKeyPem: leaf.keyPem };
    expect(inWords(await sendRaw(at, other, get('/ok'), options))).toBe('alert');
  });

  test.each([
    ['none', ''],
    ['a tenant that was granted nothing', sniOf('bastion')],
    ['a name without its suffix', 'aurore'],
    ['a longer name', `x.${sniOf('aurore')}`],
    ['253 characters', `${'a'.repeat(60)}.`.repeat(4) + 'a'.repeat(9)],
  ])('SEC-26 an SNI that is %s leads nowhere', async (_name, servername) => {
    expect(inWords(await sendRaw(at, good, get('/ok'), { ...options, servername }))).toBe('alert');
  });

  test('SEC-26 an SNI in capitals is the same name', async () => {
    const servername = sniOf('aurore').toUpperCase();
    expect(inWords(await sendRaw(at, good, get('/ok'), { ...options, servername }))).toBe('200 GET /ok');
  });

  test('the same targets and headers find out a listener that is not hardened', async () => {
    await at.sidecar.publish(softened(resources));
    const underscored = async () => inWords(await send(header('x_forwarded_for: 1')));
    await expect.poll(underscored, { timeout: 20_000 }).toBe('200 GET /ok');
    const reached = await inTurn(paths, async ([sent]) => inWords(await send(get(sent))));
    const wrong = paths.filter(([, becomes], index) => reached[index] !== becomes);
    // The others are refused a second time, by the policy: to it what was not normalised is unclean.
    expect(wrong.length).toBeGreaterThan(4);
    expect((await headersOf(header('x-forwarded-client-cert: forged')))['x-forwarded-client-cert']).toBe('forged');
    expect((await headersOf(header('x-request-id: chosen')))['x-request-id']).toBe('chosen');
    await at.sidecar.publish(resources);
    await expect.poll(underscored, { timeout: 20_000 }).toBe('400');
  });

  test('after all of it the listener serves', async () => {
    expect(inWords(await send(get('/ok')))).toBe('200 GET /ok');
  });
});

function inWords({ answers, seen }: Became): string {
  return [answers, ...seen.map(({ method, path }) => `${method} ${path}`)].join(' ');
}

/** What an application takes for the denied subtree. */
function isAdmin(path: string): boolean {
  return /^\/+admin([/;?]|$)/.test(path);
}

async function inTurn<In, Out>(values: readonly In[], ask: (value: In) => Promise<Out>): Promise<Out[]> {
  const answers: Out[] = [];
  for (const value of values) answers.push(await ask(value));
  return answers;
}
