/**
 * Who gets no connection at all at a real inbound listener of ours, and what proxies do by themselves where no worker is
 * asked. Requests over good connections: `sec-requests.test.ts`.
 *
 *   aurore/adele, allowed everything but `/admin/*` ──TLS of all kinds──▶ Envoy ──▶ the application writes down
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
import { careless, permissive, plaintext } from './sec/careless.ts';

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

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: callee\r\nConnection: close\r\n\r\n`;

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

  test('SEC-01 without a worker the proxy judges alone', async () => {
    expect(inWords(await send(get('/a/../admin')))).toBe('403');
    expect(inWords(await send(get('/admin/../ok')))).toBe('200 GET /ok');
  });

  test.each([
    ['two hosts are', 'callee\r\nHost: other'],
    ['the same host twice is', 'callee\r\nHost: callee'],
    ['two hosts between a comma are', 'callee,other'],
    ['a user at a host is', 'user@callee'],
    ['a port that is none is', 'callee:http'],
    ['an empty host is', ''],
  ])('SEC-06 without a worker %s refused', async (_name, host) => {
    expect(inWords(await send(get('/ok').replace('callee', host)))).toBe('403');
  });

  test.each([
    ['a name with a port and a last dot', 'Callee.example.:8080'],
    ['an address', '10.1.0.1:8080'],
    ['an address in brackets', '[fd00::1]:8080'],
  ])('SEC-06 without a worker %s is a host', async (_name, host) => {
    expect(inWords(await send(get('/ok').replace('callee', host)))).toBe('200 GET /ok');
  });

  test('SEC-06 two hosts get through a listener that asks nothing of them', async () => {
    await at.sidecar.publish(careless(resources));
    const { seen } = await send(get('/ok').replace('callee', 'callee\r\nHost: other'));
    expect(seen.map(({ headers }) => headers['host'])).toEqual(['callee,other']);
    await at.sidecar.publish(resources);
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
    expect(inWords(await sendRaw(at, await selfSigned(), get('/ok'), options))).toBe('alert');
  });

  test('SEC-25 the same name from another CA is refused', async () => {
    expect(inWords(await sendRaw(at, await fromElsewhere(), get('/ok'), options))).toBe('alert');
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

  test('SEC-25 SEC-26 each of them gets through a listener that is permissive', async () => {
    const old = { ...options, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await at.sidecar.publish(permissive(resources));
    const through = [
      await sendRaw(at, good, get('/ok'), old),
      await sendRaw(at, undefined, get('/admin'), options),
      await sendRaw(at, await selfSigned(), get('/ok'), options),
      await sendRaw(at, await fromElsewhere(), get('/ok'), options),
      await sendRaw(at, good, get('/ok'), { ...options, servername: sniOf('bastion') }),
    ];
    expect(through.map(inWords).filter((words) => words === 'alert')).toEqual([]);
    await at.sidecar.publish(resources);
  });

  test('SEC-24 plaintext gets through a listener that takes it', async () => {
    await at.sidecar.publish(plaintext(resources));
    expect((await sendPlain(at, Buffer.from(get('/ok')))).seen.map(({ path }) => path)).toEqual(['/ok']);
    await at.sidecar.publish(resources);
  });

  test('after all of it the listener serves', async () => {
    expect(inWords(await send(get('/ok')))).toBe('200 GET /ok');
  });
});

async function selfSigned(): Promise<Credentials> {
  const keys = await generateKeyPair();
  const { pem } = await issueCertificate(leafProfile(adele, 3_600_000), keys, null, systemPorts);
  return { certificateChainPem: pem, privateKeyPem: keys.privateKeyPem.reveal() };
}

/** The same name, from another CA. */
async function fromElsewhere(): Promise<Credentials> {
  const leaf = await (await createTestAuthority()).issue({ type: 'url', value: adele });
  return { certificateChainPem: leaf.certificatePem, privateKeyPem: leaf.keyPem };
}

function inWords({ answers, seen }: Became): string {
  return [answers, ...seen.map(({ method, path }) => `${method} ${path}`)].join(' ');
}
