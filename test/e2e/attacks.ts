/** Everything that is done to a watched mesh, one row each; see `attack.ts`. */
import { sniOf } from '../../src/envoy/names.ts';
import { hasEnded, isEffective } from '../../src/lab/drill-control.ts';
import { createTestAuthority } from '../authz/support/pki.ts';
import {
  type Attack,
  api,
  atTheWall,
  denied,
  desk,
  detected,
  failed,
  forged,
  fromStranger,
  get,
  handshakes,
  httpActivity,
  networkActivity,
  noChain,
  nowhere,
  strangers,
  toApi,
  web,
} from './attack.ts';
import { onHost } from './struck-mesh.ts';
import { apiAddress, closedPaths, identities, strangerAddress, type WatchedMesh } from './watched-mesh.ts';

/** Longest wait for a drill, in ms. */
const drillMs = 40_000;

const status = async (mesh: WatchedMesh, pod: string, ...args: readonly string[]) =>
  (await mesh.ask(pod, ...args)).status;

/** Only the proxy's own configuration stops; what it reports goes on. @returns lets it through again. */
async function withoutConfiguration({ lab }: WatchedMesh): Promise<() => Promise<void>> {
  const [, port = ''] = lab.controlPlaneAddress.split(':');
  const each = async (verb: '-I' | '-D') => {
    await onHost(lab, 'iptables', verb, 'INPUT', '-s', apiAddress, '-p', 'tcp', '--dport', port, '-j', 'DROP');
    await onHost(lab, 'iptables', verb, 'OUTPUT', '-d', apiAddress, '-p', 'tcp', '--sport', port, '-j', 'DROP');
  };
  await each('-I');
  return () => each('-D');
}

/** In this order: the last ones leave the mesh without what those before them need. */
export const attacks: Readonly<Record<string, Attack>> = {
  'a path that a rule of the proxy closes': {
    act: (mesh) => status(mesh, web, 'http://api/admin/1?secret=1'),
    ...denied('/admin/1', 'proxy', 'access-policy/shop/no-admin/deny/0', {
      where: 'authz: Refused by the proxies’ own rules',
      labels: { namespace: 'shop' },
    }),
  },
  'a path that only the worker knows to be closed, as the proxy is behind': {
    async act(mesh) {
      const heal = await withoutConfiguration(mesh);
      try {
        mesh.lab.write('ledger.yaml', closedPaths('no-ledger', '/ledger/*'));
        for (;;) {
          const answered = await status(mesh, web, 'http://api/ledger/7');
          if (answered !== 200) return answered;
        }
      } finally {
        await heal();
      }
    },
    ...denied('/ledger/7', 'worker', 'access-policy/shop/no-ledger/deny/0', {
      ...{ where: 'authz: Asked of the workers, by answer', metric: 'envoy_http_ext_authz_denied', labels: {} },
    }),
  },
  plaintext: {
    ...strangers({}),
    event: { kind: 'plaintext-attempt', silent: false, tenant: 'shop', from: fromStranger, to: toApi },
    siem: { class_uid: networkActivity, src_endpoint: { ip: strangerAddress, owner: undefined } },
    panel: { where: 'CoffrePlaintextAttempt', labels: { kind: 'plaintext-attempt' } },
  },
  'a connection that says nothing': {
    ...strangers({ bytes: '' }),
    event: { kind: 'plaintext-attempt', silent: true, tenant: 'shop', from: fromStranger, to: toApi },
    siem: { class_uid: networkActivity, unmapped: { silent: true } },
    panel: atTheWall('plaintext-attempt'),
  },
  'TLS without a certificate': {
    ...strangers({ tls: { sni: sniOf('shop') } }),
    ...failed(/PEER_DID_NOT_RETURN_A_CERTIFICATE/, sniOf('shop'), undefined, atTheWall('handshake-failure')),
  },
  'a certificate of a foreign CA, in the name of one who may call': {
    async act({ stranger }) {
      const leaf = await (await createTestAuthority()).issue({ type: 'url', value: identities.web });
      stranger.hold('forged', leaf.certificatePem, leaf.keyPem);
      const tls = { sni: sniOf('shop'), as: 'forged' };
      return stranger.dial({ address: apiAddress, port: 8_080, bytes: get('/open/1'), tls });
    },
    got: '',
    ...failed(/VERIFY_FAILED/, sniOf('shop'), identities.web, handshakes('envoy_listener_ssl_fail_verify_error')),
  },
  'TLS 1.2': {
    ...strangers({ tls: { sni: sniOf('shop'), as: 'web', version: 'TLSv1_2' } }),
    ...failed(/UNSUPPORTED_PROTOCOL/, sniOf('shop'), undefined, handshakes('envoy_listener_ssl_connection_error')),
  },
  'a stolen leaf behind the name of another tenant': {
    ...strangers({ tls: { sni: sniOf('shop'), as: 'desk' } }),
    ...failed(/VERIFY_FAILED/, sniOf('shop'), identities.desk, atTheWall('handshake-failure')),
  },
  'a server name that would forge a line': {
    ...strangers({ tls: { sni: forged, as: 'web' } }),
    ...failed(/^filter_chain_not_found$/, /^x\ufffddenied root\ufffd\[2j"}$/, undefined, noChain),
  },
  'a port that nobody declares': {
    ...strangers({ port: 9_999, tls: { sni: sniOf('shop'), as: 'web' } }),
    event: {
      ...{ kind: 'undeclared-port', direction: 'inbound', tenant: 'shop', from: fromStranger },
      to: { workload: api, port: 9_999 },
    },
    siem: { class_uid: networkActivity, src_endpoint: { ip: strangerAddress, owner: undefined } },
    panel: noChain,
  },
  'a path and headers that would forge lines and ids, with a stolen leaf': {
    ...strangers({
      tls: { sni: sniOf('shop'), as: 'web' },
      bytes: get('/admin/%0d%0aDENIED%1b%5B2J', 'X-Request-Id: forged\r\nX-Coffre-Decision: forged\r\n'),
    }),
    got: /^HTTP\/1.1 403 /,
    event: {
      ...{ kind: 'denial', verdict: 'deny', reason: 'deny-rule', decision: /^[0-9a-f-]{36}$/, to: toApi },
      from: { identity: identities.web, address: fromStranger.address },
      request: { path: /^\/admin\/%0d%0aDENIED%1b%5b2J$/i },
    },
    siem: {
      class_uid: httpActivity,
      src_endpoint: { ip: strangerAddress, owner: { uid: identities.web } },
    },
    panel: atTheWall('denial'),
  },
  'control characters where a path should be': {
    ...strangers({ tls: { sni: sniOf('shop'), as: 'web' }, bytes: get('/open/\u001b[2J\u0001') }),
    got: /^HTTP\/1.1 400 /,
    event: {
      ...{ kind: 'denial', verdict: 'deny', reason: 'http1.invalid_characters', request: undefined, to: toApi },
      from: { identity: identities.web, address: fromStranger.address },
    },
    siem: { class_uid: networkActivity, src_endpoint: { owner: { uid: identities.web } } },
    panel: atTheWall('denial'),
  },
  'an address that nothing is declared for': {
    act: (mesh) => status(mesh, web, 'http://10.96.77.77/'),
    got: 0,
    ...nowhere(web, identities.web, '10.96.77.77:80'),
  },
  'a workload of another tenant that has granted nothing': {
    act: (mesh) => status(mesh, 'archive/files-0', `http://${toApi.address}/open/1`),
    got: 0,
    ...nowhere('archive/files-0', identities.files, toApi.address, api),
  },
  'a call into a breaker that a drill holds open': {
    async act(mesh) {
      const { drills } = mesh.lab;
      await drills.whole(drillMs);
      await drills.begin('shop/breaker');
      await drills.until('shop/breaker', 'an effective fault', drillMs, isEffective);
      const answered = await status(mesh, web, 'http://api/open/broken');
      await drills.halt('shop/breaker', 'seen');
      await drills.until('shop/breaker', 'its end', drillMs, hasEnded);
      return answered;
    },
    got: 503,
    event: {
      ...{ kind: 'breaker-overflow', tenant: 'shop', workload: web, flags: ['UO'], to: { cluster: 'shop/api/80' } },
      from: { identity: identities.web, workload: web },
      request: { method: 'GET', path: '/open/broken', status: 503 },
    },
    siem: { class_uid: httpActivity, status_code: 'UO', src_endpoint: { owner: { uid: identities.web } } },
    panel: {
      where: 'drills: Turned away by breakers, by caller',
      metric: 'envoy_cluster_upstream_rq_active_overflow',
      labels: { namespace: 'shop', pod: 'web-0' },
    },
  },
  'one identity that two other tenants turn away': {
    async act(mesh) {
      await status(mesh, desk, 'http://api.shop/closed');
      return status(mesh, desk, 'http://files.archive/closed');
    },
    got: 403,
    ...detected('lateral-movement', identities.desk, 'coffre-system', 'critical'),
  },
  'one caller that is denied sixty times': {
    act: (mesh) => status(mesh, web, 'http://api/admin/burst/[1-60]'),
    got: 403,
    ...detected('denial-burst', identities.web, 'shop', 'warning'),
  },
  'one caller that dials twelve addresses': {
    act: (mesh) => status(mesh, web, 'http://10.96.78.[1-12]/'),
    got: 0,
    ...detected('undeclared-port-scan', web, 'shop', 'warning'),
  },
  'a worker that was killed': {
    async act(mesh) {
      await mesh.lab.killAuthzWorker();
      return status(mesh, web, 'http://api/open/unjudged');
    },
    got: 503,
    event: {
      ...{ kind: 'denial', verdict: 'unavailable', by: 'proxy', reason: 'ext_authz_error', to: toApi },
      from: { identity: identities.web },
      request: { path: '/open/unjudged', status: 503 },
    },
    siem: { class_uid: httpActivity, status_code: 'ext_authz_error', disposition_id: 27 },
    panel: { where: 'authz: Asked of the workers, by answer', metric: 'envoy_http_ext_authz_error', labels: {} },
  },
};
