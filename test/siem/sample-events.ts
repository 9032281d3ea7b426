/** One event of each kind, and the variants that are encoded otherwise, as a store would hold them. */
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { StoredEvent } from '../../src/evidence/store.ts';

const atMs = Date.UTC(2026, 10, 3, 9, 0, 0, 125);
const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const shop = { atMs, tenant: 'shop', workload: 'shop/cart-0', revision: '91c2f0a7d4be5613' };
const system = { atMs, tenant: 'coffre-system' };
const web = {
  identity: 'spiffe://mesh.example/ns/atelier/sa/web',
  address: '10.0.0.7:41234',
  workload: 'atelier/web-0',
};
const cart = { address: '10.0.0.9:8080', workload: 'shop/cart-0', port: 8080 };
const typeUrl = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

/** By the name of the golden file. */
export const sampleEvents: Readonly<Record<string, EvidenceEvent>> = {
  denial: {
    ...shop,
    kind: 'denial',
    id: 'ev-denial',
    decision: 'd-7f3a',
    trace,
    verdict: 'deny',
    from: web,
    to: cart,
    request: { host: 'cart.shop.svc', method: 'PATCH', path: '/api/users/4711/orders/9', status: 403 },
    by: 'worker',
    reason: 'no-allow-rule',
    rule: 'shop/readers',
  },
  'denial-of-a-connection': {
    ...shop,
    kind: 'denial',
    id: 'ev-denial-tcp',
    trace,
    verdict: 'unavailable',
    from: { address: '[fd00::7]:41234' },
    to: { address: '[fd00::9]:5432', workload: 'shop/db-0', port: 5432 },
    by: 'proxy',
    reason: 'ext_authz_error',
  },
  request: {
    ...shop,
    kind: 'request',
    id: 'ev-request',
    decision: 'd-7f3b',
    trace,
    verdict: 'allow',
    from: web,
    to: cart,
    request: { host: 'cart.shop.svc', method: 'GET', path: '/v1/items', status: 200 },
    durationMs: 12,
    standsFor: 100,
  },
  'plaintext-attempt': {
    ...shop,
    kind: 'plaintext-attempt',
    id: 'ev-plaintext',
    from: { address: '10.0.0.66:50000' },
    to: cart,
    silent: false,
  },
  'handshake-failure': {
    ...shop,
    kind: 'handshake-failure',
    id: 'ev-handshake',
    from: { address: '10.0.0.66:50001', claimed: 'spiffe://mesh.example/ns/shop/sa/admin' },
    to: cart,
    sni: 'shop.cart.mesh',
    reason: 'TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED',
  },
  'undeclared-port': {
    ...shop,
    kind: 'undeclared-port',
    id: 'ev-undeclared',
    direction: 'outbound',
    from: { workload: 'shop/cart-0' },
    to: { address: '203.0.113.9:25' },
  },
  'breaker-overflow': {
    ...shop,
    kind: 'breaker-overflow',
    id: 'ev-breaker',
    from: { workload: 'shop/cart-0', identity: 'spiffe://mesh.example/ns/shop/sa/cart' },
    to: { cluster: 'shop/db/5432' },
    flags: ['UO'],
    request: { host: 'db.shop.svc', method: 'POST', path: '/query', status: 503 },
  },
  ejection: {
    ...shop,
    kind: 'ejection',
    id: 'ev-ejection',
    what: 'ejected',
    from: { workload: 'shop/cart-0' },
    to: { address: '10.0.0.12:5432', workload: 'shop/db-0', cluster: 'shop/db/5432' },
  },
  certificate: {
    ...system,
    kind: 'certificate',
    id: 'ev-certificate',
    what: 'renewed',
    subject: 'spiffe://mesh.example/ns/shop/sa/cart',
    serial: '4f09aa',
    notAfterMs: atMs + 86_400_000,
  },
  publication: {
    ...system,
    revision: '91c2f0a7d4be5613',
    kind: 'publication',
    id: 'ev-publication',
    proxies: 12,
    withheld: ['shop/broken-0'],
    objects: ['AccessPolicy shop/readers (shop.yaml:12)'],
    objectCount: 1,
  },
  push: {
    ...shop,
    kind: 'push',
    id: 'ev-push',
    typeUrl,
    proxies: ['shop/cart-0'],
    proxyCount: 1,
    resources: 2,
    removed: 0,
    bytes: 1_834,
  },
  ack: { ...shop, kind: 'ack', id: 'ev-ack', typeUrl, proxies: ['shop/cart-0'], proxyCount: 1 },
  nack: {
    ...shop,
    kind: 'nack',
    id: 'ev-nack',
    typeUrl,
    resources: ['inbound|8080'],
    message: 'Proto constraint validation failed',
  },
  problem: {
    ...shop,
    kind: 'problem',
    id: 'ev-problem',
    what: 'appeared',
    code: 'unknown-service',
    text: 'shop.yaml:31: `pay` is no service of `shop`; its scope is denied',
  },
  drill: {
    ...shop,
    kind: 'drill',
    id: 'ev-drill',
    stream: 'shop/db-breaker',
    sequence: 3,
    body: JSON.stringify({ atMs, events: [{ kind: 'started', by: 'p:0a1b2c3d4e5f:c2VhbGVk' }] }),
  },
  'human-action': {
    ...shop,
    kind: 'human-action',
    id: 'ev-human',
    person: 'p:0a1b2c3d4e5f:c2VhbGVk',
    method: 'startDrill',
    about: 'shop/db-breaker',
    status: 403,
  },
  detector: {
    ...shop,
    kind: 'detector',
    id: 'ev-detector',
    detector: 'lateral-movement',
    about: 'spiffe://mesh.example/ns/atelier/sa/web',
    severity: 'critical',
    text: 'was refused by 4 tenants within 60 s',
    events: ['ev-denial', 'ev-denial-2'],
    eventCount: 17,
  },
  store: {
    ...system,
    kind: 'store',
    id: 'ev-store',
    what: 'pruned',
    text: '120 bodies of class traffic were removed',
    pruned: { class: 'traffic', beforeMs: atMs - 604_800_000, records: 120 },
  },
  loss: { ...system, kind: 'loss', id: 'ev-loss', where: 'recorder', count: 42, why: 'the queue was full' },
  quarantine: {
    ...shop,
    kind: 'quarantine',
    id: 'ev-quarantine',
    act: 'begun',
    identity: 'spiffe://mesh.test/ns/shop/sa/web',
    person: 'p:0a1b2c3d4e5f:c2VhbGVk',
    reason: 'malware found on the pod',
    quarantinedUntilMs: 1_800_000_000_000,
  },
};

export function placed(event: EvidenceEvent, position: number, replica = 'coffre-0'): StoredEvent {
  return { replica, position, event };
}

/** A denial whose path and id tell which one it is. */
export function numbered(position: number, changes: Partial<EvidenceEvent> = {}): StoredEvent {
  const { denial } = sampleEvents;
  if (denial === undefined) throw new Error('there is no sample of a denial');
  return placed({ ...denial, ...changes, id: `ev-${position}` } as EvidenceEvent, position);
}
