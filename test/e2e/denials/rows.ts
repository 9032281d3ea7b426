/**
 * Twelve ways to be turned away, each done to a running mesh by real traffic: who, on the way to what, and what then is
 * told; and four requests that Envoy does not read, of which no answer can show an id.
 *
 *   shop   web-0 ─▶ api-0, books-0 (reads of the ledger only; the staff's papers with a token)
 *   archive  files-0: granted nothing by shop but what has ended, and grants shop nothing
 */
import { sniOf } from '../../../src/envoy/names.ts';
import type { EventKind } from '../../../src/evidence/event.ts';
import { hasEnded, isEffective } from '../../../src/lab/drill-control.ts';
import { documents, podText, serviceText } from '../mesh-folder.ts';
import type { Dial } from '../stranger.ts';
import { apiAddress, identities, strangerAddress, type WatchedMesh } from '../watched-mesh.ts';

export interface DenialRow {
  /** What was done; also the name of its golden file. */
  readonly name: string;
  readonly event: EventKind;
  /** As `explain --from --to` is asked by whoever has no id. */
  readonly from: string;
  readonly to: string;
  /** What more `explain` must be told of the request. */
  readonly more?: readonly string[];
  /** @returns the status that the caller was answered, 0 for a connection that was closed. */
  provoke(mesh: WatchedMesh): Promise<number>;
  readonly status: number;
  /** Envoy refused it before it had made a request id, so that the answer shows none. */
  readonly isUnread?: true;
  /** Once it has been explained. */
  undo?(mesh: WatchedMesh): Promise<unknown>;
  /** Requests that differ in one thing each, and stay refused once the cure is in force; absent where no text mends it. */
  readonly near?: readonly Ask[];
}

/** A pod, and what curl is told. */
export type Ask = readonly [pod: string, ...args: readonly string[]];

const web = 'shop/web-0';
const files = 'archive/files-0';

/** Longest wait for a drill, in ms. */
const drillMs = 40_000;
const ledger = 'http://books/ledger/7';

export const moreObjects = documents(
  podText({ namespace: 'shop', name: 'books-0', account: 'books', addresses: ['10.99.1.30'], ports: [8_080] }),
  serviceText('shop', 'books', '10.96.1.3', 'books', 'name: http, port: 80, targetPort: 8080'),
  `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: books, namespace: shop }
spec:
  selector: { matchLabels: { app: books } }
  allow:
    - { from: { serviceAccounts: [web] }, to: { methods: [GET], paths: ["/ledger/*"] } }
    - { from: { serviceAccounts: [web] }, to: { paths: ["/staff/*"] }, token: { provider: staff } }
`,
  `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-archive, namespace: shop }
spec: { from: { tenant: archive }, to: { service: api }, reason: until the move, notAfter: "2020-01-01T00:00:00Z" }
`,
);

/** Whom the staff's tokens are of. Nobody asks it for keys: no token here gets so far. */
export const staffProvider =
  'identityProviders: [{ name: staff, preset: oidc, issuer: "https://id.watched.test", audiences: [books] }]';

export async function status(mesh: WatchedMesh, [pod, ...args]: Ask): Promise<number> {
  return (await mesh.ask(pod, ...args)).status;
}

function asks(...ask: Ask): Pick<DenialRow, 'provoke'> {
  return { provoke: (mesh) => status(mesh, ask) };
}

async function dialled(mesh: WatchedMesh, dial: Partial<Dial>): Promise<number> {
  const got = await mesh.stranger.dial({ address: apiAddress, port: 8_080, bytes: 'GET / HTTP/1.1\r\n\r\n', ...dial });
  return Number(/^HTTP\/1.1 (\d{3}) /.exec(got)?.[1] ?? 0);
}

/** By somebody who holds the leaf of a workload. @param bytes that Envoy cannot read as a request, or does not want to. */
function unread(name: string, answered: number, bytes: string): DenialRow {
  return {
    ...{ name, event: 'denial', from: 'shop/web', to: 'shop/api:80', status: answered, isUnread: true },
    provoke: (mesh) => dialled(mesh, { bytes, tls: { sni: sniOf('shop'), as: 'web' } }),
  };
}

export const rows: readonly DenialRow[] = [
  {
    ...{ name: 'plaintext', event: 'plaintext-attempt', from: strangerAddress, to: 'shop/api:80', status: 0 },
    provoke: (mesh) => dialled(mesh, {}),
  },
  {
    ...{ name: 'handshake', event: 'handshake-failure', from: strangerAddress, to: 'shop/api:80', status: 0 },
    provoke: (mesh) => dialled(mesh, { tls: { sni: sniOf('shop') } }),
  },
  {
    ...{
      name: 'undeclared-port',
      event: 'undeclared-port',
      from: strangerAddress,
      to: `${apiAddress}:9999`,
      status: 0,
    },
    provoke: (mesh) => dialled(mesh, { port: 9_999, tls: { sni: sniOf('shop'), as: 'web' } }),
  },
  {
    ...{ name: 'no-listener', event: 'undeclared-port', from: web, to: '10.96.77.77:80', status: 0 },
    ...asks(web, 'http://10.96.77.77/'),
  },
  {
    ...{ name: 'tenant-wall', event: 'undeclared-port', from: identities.web, to: 'archive/files:80', status: 0 },
    ...{ more: ['--host', '10.96.3.1'], ...asks(web, 'http://10.96.3.1/') },
    near: [
      [web, '-X', 'POST', '-H', 'Host: files.archive', 'http://10.96.3.1/'],
      [web, '-H', 'Host: files.archive', 'http://10.96.3.1/open'],
    ],
  },
  {
    ...{ name: 'expired-grant', event: 'undeclared-port', from: identities.files, to: 'shop/api:80', status: 0 },
    ...{ more: ['--host', '10.96.1.1'], ...asks(files, 'http://10.96.1.1/') },
    near: [
      [files, '-X', 'POST', 'http://10.96.1.1/'],
      [files, 'http://10.96.1.1/open/1'],
    ],
  },
  {
    ...{ name: 'deny-rule', event: 'denial', from: 'shop/web', to: 'shop/api:80', status: 403 },
    ...{ more: ['--path', '/admin/1'], ...asks(web, 'http://api/admin/1') },
  },
  {
    ...{ name: 'no-allow-rule', event: 'denial', from: 'shop/web', to: 'shop/books:80', status: 403 },
    ...{ more: ['--method', 'PUT', '--path', '/ledger/7', '--host', 'books'], ...asks(web, '-X', 'PUT', ledger) },
    near: [
      [web, '-X', 'DELETE', ledger],
      [web, '-X', 'PUT', 'http://books/ledger/8'],
      [web, '-X', 'PUT', '-H', 'Host: books.shop', ledger],
      ['shop/api-0', '-X', 'PUT', ledger],
    ],
  },
  {
    ...{ name: 'token-missing', event: 'denial', from: 'shop/web', to: 'shop/books:80', status: 403 },
    ...{ more: ['--path', '/staff/1'], ...asks(web, 'http://books/staff/1') },
  },
  {
    ...{ name: 'token-invalid', event: 'denial', from: 'shop/web', to: 'shop/books:80', status: 403 },
    ...{ more: ['--path', '/staff/2'], ...asks(web, '-H', 'Authorization: Bearer opaque', 'http://books/staff/2') },
  },
  {
    ...{ name: 'breaker-open', event: 'breaker-overflow', from: identities.web, to: 'shop/api:80', status: 503 },
    async provoke(mesh) {
      const { drills } = mesh.lab;
      await drills.whole(drillMs);
      await drills.begin('shop/breaker');
      await drills.until('shop/breaker', 'an effective fault', drillMs, isEffective);
      const answered = await status(mesh, [web, 'http://api/open/1']);
      await drills.halt('shop/breaker', 'seen');
      await drills.until('shop/breaker', 'its end', drillMs, hasEnded);
      return answered;
    },
  },
  {
    ...{ name: 'quarantined', event: 'undeclared-port', from: identities.web, to: 'shop/api:80', status: 0 },
    async provoke(mesh) {
      await mesh.coffre('quarantine', 'shop/web', '--reason', 'a stolen laptop');
      for (;;) {
        const answered = await status(mesh, [web, 'http://api/open/1']);
        if (answered !== 200) return answered;
      }
    },
    undo: (mesh) => mesh.coffre('quarantine', 'shop/web', '--release'),
  },
  unread('form-400', 400, 'GARBAGE\r\n\r\n'),
  unread('form-426', 426, 'GET / HTTP/1.0\r\nHost: api\r\n\r\n'),
  unread('form-431', 431, `GET / HTTP/1.1\r\nHost: api\r\n${'x-many: 1\r\n'.repeat(120)}\r\n`),
  unread('form-501', 501, 'POST / HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: gzip\r\n\r\n'),
];
