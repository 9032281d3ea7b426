/**
 * What a real sidecar tells of each thing that can happen at its doors, and that of what is well it tells nothing.
 *
 *   aurore/adele   http 8080, tcp 5432, and tcp 5433 where nobody listens      bastion/berthe: granted 5434, until 1970
 *
 * A row says what was done and the records that came of it, in the words that a reader of records goes by.
 */
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure } from '../../src/controller/configure.ts';
import { sniOf } from '../../src/envoy/names.ts';
import { responseFlags } from '../../src/evidence/access-log/response-flags.ts';
import { createTestAuthority } from '../authz/support/pki.ts';
import { platform } from '../fixtures/configured.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { spiffeId } from '../fixtures/random-mesh.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { Callers, type Credentials } from './differential/callers.ts';
import { inLab } from './differential/in-lab.ts';
import { bypass, OneSidecar } from './differential/one-sidecar.ts';
import { sendPlain, sendRaw } from './differential/raw-http.ts';
import { type KeptRecord, RecordKeeper, tellingAt } from './record-keeper.ts';

const adele = spiffeId('aurore', 'adele');
const nobody = spiffeId('aurore', 'nobody');
const berthe = spiffeId('bastion', 'berthe');

/** Longest wait for a record, in ms: a poll's bound. A record waits a second in the proxy. */
const showMs = 20_000;

const mesh = (samplePercent: number) =>
  documents(
    `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, authorization: { mode: dynamicOnly }, evidence: { samplePercent: ${samplePercent} } }
`,
    tenant('aurore'),
    tenant('bastion'),
    pod('aurore', 'adele', '10.1.0.1'),
    pod('bastion', 'berthe', '10.2.0.1'),
    `
apiVersion: v1
kind: Service
metadata: { name: adele, namespace: aurore }
spec:
  clusterIP: 10.96.1.1
  selector: { app: adele }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 5432 }, { name: tcp-b, port: 5433 }, { name: tcp-c, port: 5434 }]
`,
    service('bastion', 'berthe', '10.96.2.1', 'name: http, port: 80, targetPort: 8080'),
    `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: no-admin, namespace: aurore }
spec: { deny: [{ to: { ports: [8080], paths: [/admin/*] } }] }
`,
    `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ended, namespace: aurore }
spec: { from: { tenant: bastion }, to: { service: adele, ports: [5434] }, reason: test, notAfter: 1970-01-02T00:00:00Z }
`,
  );

inLab('the records of a sidecar', () => {
  let callers: Callers;
  let sidecar: OneSidecar;
  let keeper: RecordKeeper;
  let app: Awaited<ReturnType<OneSidecar['startApp']>>;

  const publish = async (samplePercent: number) => {
    // At the beginning of time, when the grant still lived: Envoy judges it by its own clock.
    const { proxies, failed } = configure(meshFrom(mesh(samplePercent)), callers.trust, { ...platform, bypass }, 0);
    const configured = proxies.get('aurore/adele-1');
    if (configured === undefined) throw new Error('the sidecar was not configured', { cause: failed });
    await sidecar.publish(tellingAt(join(sidecar.lab.dir, 'evidence.sock'), configured));
  };

  beforeAll(async () => {
    callers = await Callers.issue();
    sidecar = await OneSidecar.start();
    keeper = await RecordKeeper.listen(`unix:${join(sidecar.lab.dir, 'evidence.sock')}`);
    app = await sidecar.startApp('http', ['http:8080', 'tcp:5432', 'tcp:5434']);
    await publish(0);
  }, 60_000);
  afterAll(async () => {
    keeper?.stop();
    await sidecar?.stop();
    callers?.forget();
  });

  const at = (port: number) => ({ sidecar, app, port });
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: callee\r\n${more}Connection: close\r\n\r\n`;
  const h1 = { servername: sniOf('aurore'), ALPNProtocols: ['http/1.1'] };
  const tls = { servername: sniOf('aurore') };
  const http = (bytes: string, who: Credentials | undefined = callers.of(adele)) => sendRaw(at(8080), who, bytes, h1);

  /** Does something, then what is refused for sure: when that record has come, any that was owed before it has as well. */
  async function recordsOf(doing: () => Promise<unknown>): Promise<readonly KeptRecord[]> {
    const from = keeper.records.length;
    await doing();
    await Promise.all([http(get('/admin/marker')), sendPlain(at(9_001), Buffer.from('no TLS'))]);
    const isMarker = (record: KeptRecord) => toldOf(record).includes('/admin/marker') || portOf(record) === 9_001;
    await expect.poll(() => keeper.records.slice(from).filter(isMarker).length, { timeout: showMs }).toBe(2);
    return keeper.records.slice(from).filter((record) => !isMarker(record));
  }

  const told = async (doing: () => Promise<unknown>) => (await recordsOf(doing)).map(toldOf);

  test('of healthy requests and connections nothing is told, at a sample of 0 %', async () => {
    const healthy = async () => {
      for (let sent = 0; sent < 50; sent += 1) expect((await http(get('/ok'))).answers).toBe('200');
      for (let sent = 0; sent < 10; sent += 1) await sendRaw(at(5432), callers.of(adele), 'hello\n', tls);
      const handshake = await sidecar.dialTls(8080, callers.of(adele), h1);
      await new Promise((done) => handshake.once('secureConnect', done));
      handshake.destroy();
    };
    expect(await told(healthy)).toEqual([]);
  }, 60_000);

  test('what is denied by rule names the rule, the caller and its decision', async () => {
    const [record, ...others] = await recordsOf(() =>
      http(get('/admin?secret=1', 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n')),
    );
    expect(others).toEqual([]);
    const entry = httpEntry(record);
    expect(entry.response?.responseCodeDetails).toBe(
      'rbac_access_denied_matched_policy[access-policy/aurore/no-admin/deny/0]',
    );
    expect(entry.commonProperties?.streamId).toMatch(/^[0-9a-f-]{36}$/);
    expect(entry.request?.requestId).toBe(entry.commonProperties?.streamId);
    expect(entry.commonProperties?.customTags).toEqual({
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(record === undefined ? '' : toldOf(record)).toBe(
      `inbound-http 403 GET callee /admin?secret=1 of ${adele} from 10.99.0.1 to 8080`,
    );
  });

  test('what is no HTTP at all is told without a request', async () => {
    expect(await told(() => http('GARBAGE\r\n\r\n'))).toEqual([
      `inbound-http 400 DPE http1.codec_error of ${adele} from 10.99.0.1 to 8080`,
    ]);
  });

  test.for<[string, number, string, string]>([
    ['plaintext', 8080, get('/'), 'NR ClientHelloNotDetected HTTP_REQUEST'],
    ['plaintext to an opaque port', 5432, 'hello', 'NR ClientHelloNotDetected WRONG_VERSION_NUMBER'],
    ['silence', 8080, '', 'after a second'],
    ['half a TLS record', 8080, '\x16\x03\x01\x00\xf1', 'after a second'],
    ['plaintext to an undeclared port', 9_999, 'hello', 'NR ClientHelloNotDetected WRONG_VERSION_NUMBER'],
    ['silence at an undeclared port', 9_999, '', 'after a second'],
  ])('%s is told, with its source', async ([, port, bytes, words]) => {
    expect(await told(() => sendPlain(at(port), Buffer.from(bytes, 'latin1')))).toEqual([
      `inbound-listener ${words} from 10.99.0.1 to ${port}`,
    ]);
  });

  test('a caller who hangs up before a word is told apart from one who is silent', async () => {
    expect(await told(async () => (await sidecar.dial(8080)).destroy())).toEqual([
      'inbound-listener at once from 10.99.0.1 to 8080',
    ]);
  });

  test.for<[string, number, string, string]>([
    ['an unknown SNI', 8080, 'cipres.mesh.coffre', 'NR SNI cipres.mesh.coffre'],
    ['no SNI', 8080, '', 'NR'],
    ['an undeclared port', 9_999, sniOf('aurore'), `NR SNI ${sniOf('aurore')}`],
  ])('TLS to %s is told, and no handshake was made', async ([, port, servername, words]) => {
    expect(await told(() => sendRaw(at(port), callers.of(adele), '', { servername }))).toEqual([
      `inbound-listener ${words} from 10.99.0.1 to ${port}`,
    ]);
  });

  test('a failed handshake tells what was claimed, and why it was not believed', async () => {
    const leaf = await (await createTestAuthority()).issue({ type: 'url', value: adele });
    const forged = { certificateChainPem: leaf.certificatePem, privateKeyPem: leaf.keyPem };
    const end = `SNI ${sniOf('aurore')}`;
    expect(await told(() => http(get('/'), forged))).toEqual([
      `inbound-listener CERTIFICATE_VERIFY_FAILED ${end} of ${adele} from 10.99.0.1 to 8080`,
    ]);
    expect(await told(() => http(get('/'), callers.of(berthe)))).toEqual([
      `inbound-listener CERTIFICATE_VERIFY_FAILED ${end} of ${berthe} from 10.99.0.1 to 8080`,
    ]);
    expect(await told(() => sendRaw(at(8080), undefined, get('/'), h1))).toEqual([
      `inbound-listener PEER_DID_NOT_RETURN_A_CERTIFICATE ${end} from 10.99.0.1 to 8080`,
    ]);
    const old = { ...h1, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
    expect(await told(() => sendRaw(at(8080), callers.of(adele), get('/'), old))).toEqual([
      `inbound-listener UNSUPPORTED_PROTOCOL ${end} from 10.99.0.1 to 8080`,
    ]);
  });

  test('an opaque port tells whom it turned away, by name or by the end of a grant, and that nobody was behind it', async () => {
    const end = `SNI ${sniOf('aurore')}`;
    expect(await told(() => sendRaw(at(5432), callers.of(nobody), 'x', tls))).toEqual([
      `inbound-listener CERTIFICATE_VERIFY_FAILED ${end} of ${nobody} from 10.99.0.1 to 5432`,
    ]);
    const granted = { servername: sniOf('bastion') };
    expect(await told(() => sendRaw(at(5434), callers.of(berthe), 'x', granted))).toEqual([
      `inbound-listener rbac_access_denied_matched_policy[none] SNI ${sniOf('bastion')} of ${berthe} from 10.99.0.1 to 5434`,
    ]);
    expect(await told(() => sendRaw(at(5433), callers.of(adele), 'x', tls))).toEqual([
      `inbound-listener UF URX ${end} of ${adele} from 10.99.0.1 to 5433`,
    ]);
  });

  test('what the application dials and may not is told at its own sidecar', async () => {
    const dial = "import socket\ns=socket.create_connection(('10.96.9.9',80),2)\ntry: s.recv(1)\nexcept OSError: pass";
    const argv = ['python3', '-c', dial];
    const run = () => sidecar.lab.run({ in: 'aurore/probe', argv, confined: true, timeoutMs: 10_000 });
    expect(await told(run)).toEqual(['outbound-listener NR from 10.99.1.2 to 80']);
  });

  test('at a sample of 100 % every healthy request is told, once, and of its connection nothing', async () => {
    await publish(100);
    const healthy = async () => {
      for (let sent = 0; sent < 20; sent += 1) expect((await http(get('/ok'))).answers).toBe('200');
    };
    expect(await told(healthy)).toEqual(
      Array(20).fill(`inbound-http 200 GET callee /ok of ${adele} from 10.99.0.1 to 8080`),
    );
  }, 60_000);

  /** Each is answered 403, and told. */
  async function flood(requests: number): Promise<void> {
    const socket = await sidecar.dialTls(8080, callers.of(adele), { ...tls, ALPNProtocols: ['h2'] });
    const client = connect('https://callee', { createConnection: () => socket });
    const one = async () => {
      const stream = client.request({ ':path': `/admin/${'x'.repeat(1_000)}` });
      const [headers] = await once(stream, 'response');
      stream.close();
      return headers[':status'];
    };
    const statuses = await Promise.all(Array.from({ length: requests }, one));
    client.destroy();
    expect(new Set(statuses)).toEqual(new Set([403]));
  }
  const dropped = async () =>
    Number((await sidecar.envoy.admin('/stats?filter=grpc_access_log.logs_dropped')).split(': ')[1]);

  test('to one who does not read, what is beyond the buffers is dropped and counted, and every request is answered', async () => {
    keeper.stop();
    const deaf = createServer((socket) => void socket.pause().on('error', () => undefined));
    deaf.listen(join(sidecar.lab.dir, 'evidence.sock'));
    await once(deaf, 'listening');
    await expect
      .poll(
        async () => {
          await flood(500);
          return dropped();
        },
        { timeout: showMs },
      )
      .toBeGreaterThan(0);
    deaf.close();
  }, 60_000);
});

function httpEntry(record: KeptRecord | undefined) {
  if (record === undefined || !('request' in record.entry)) throw new Error('no record of HTTP');
  return record.entry;
}

function portOf({ entry }: KeptRecord): number {
  const address = entry.commonProperties?.downstreamLocalAddress?.address;
  return address?.case === 'socketAddress' ? Number(address.value.portSpecifier.value) : 0;
}

/** What happened, who it was as far as a certificate says, from where, and at which port. */
function toldOf(record: KeptRecord): string {
  const { log, entry } = record;
  const common = entry.commonProperties;
  const tls = common?.tlsProperties;
  const san = tls?.peerCertificateProperties?.subjectAltName[0]?.san;
  const remote = common?.downstreamRemoteAddress?.address;
  const inspected = common?.metadata?.filterMetadata['envoy.filters.listener.tls_inspector']?.['failure_reason'];
  const why = /(HTTP_REQUEST|[A-Z_]{12,})/.exec(common?.downstreamTransportFailureReason.replace('OPENSSL', '') ?? '');
  const lasted = Number(common?.duration?.seconds ?? 0n) + (common?.duration?.nanos ?? 0) / 1e9;
  const flags = common?.responseFlags === undefined ? [] : responseFlags(common.responseFlags);
  const words =
    'request' in entry && entry.request?.path
      ? [entry.response?.responseCode, 'GET', entry.request.authority, entry.request.path]
      : 'request' in entry
        ? [entry.response?.responseCode, ...flags, entry.response?.responseCodeDetails]
        : [
            ...flags,
            inspected,
            why?.[1],
            common?.connectionTerminationDetails,
            ...(tls?.tlsSniHostname ? ['SNI', tls.tlsSniHostname] : []),
            ...(flags.length === 0 && tls === undefined && why === null
              ? [lasted > 0.9 ? 'after a second' : 'at once']
              : []),
          ];
  const who = san?.case === 'uri' ? ['of', san.value] : [];
  const source = remote?.case === 'socketAddress' ? remote.value.address : '';
  return [log, ...words.filter(Boolean), ...who, 'from', source, 'to', portOf(record)].join(' ');
}
