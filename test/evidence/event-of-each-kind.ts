/** One event of every kind, as a small mesh would make them. */
import type { EventKind, EvidenceEvent } from '../../src/evidence/event.ts';

export const sampleMs = Date.UTC(2026, 10, 22, 4, 30);

const common = (id: string, afterMs: number, tenant = 'atelier') => ({ id, atMs: sampleMs + afterMs, tenant });
const web = { identity: 'spiffe://prod.example/ns/shop/sa/web', address: '10.1.0.7:41022', workload: 'shop/web-1' };
const api = { address: '10.1.0.9:8080', workload: 'atelier/api-1', port: 8080 };
const listeners = 'type.googleapis.com/envoy.config.listener.v3.Listener';

export const sampleEvents: { readonly [Kind in EventKind]: Extract<EvidenceEvent, { readonly kind: Kind }> } = {
  denial: {
    ...common('d:1f0c', 0),
    ...{
      kind: 'denial',
      workload: 'atelier/api-1',
      revision: 'rev-7',
      decision: '1f0c',
      trace: 'c0ffee'.padEnd(32, '0'),
    },
    ...{ verdict: 'deny', by: 'worker', reason: 'no-allow-rule', from: web, to: api },
    request: { host: 'api', method: 'GET', path: '/admin', status: 403 },
  },
  request: {
    ...common('d:2a', 10),
    ...{ kind: 'request', workload: 'atelier/api-1', decision: '2a', verdict: 'allow', from: web, to: api },
    ...{ request: { host: 'api', method: 'GET', path: '/documents/7', status: 200 }, durationMs: 3.25, standsFor: 100 },
  },
  'plaintext-attempt': {
    ...common('p:3', 20),
    ...{
      kind: 'plaintext-attempt',
      workload: 'atelier/api-1',
      from: { address: '10.1.0.66:4000' },
      to: api,
      silent: false,
    },
  },
  'handshake-failure': {
    ...common('h:4', 30),
    ...{ kind: 'handshake-failure', workload: 'atelier/api-1', to: api, sni: 'shop.inbound' },
    from: { address: '10.1.0.66:4001', claimed: 'spiffe://prod.example/ns/atelier/sa/web' },
    reason: 'CERTIFICATE_VERIFY_FAILED',
  },
  'undeclared-port': {
    ...common('u:5', 40),
    ...{
      kind: 'undeclared-port',
      workload: 'atelier/api-1',
      direction: 'inbound',
      from: web,
      to: { ...api, port: 9999 },
    },
  },
  'breaker-overflow': {
    ...common('b:6', 50, 'shop'),
    ...{
      kind: 'breaker-overflow',
      workload: 'shop/web-1',
      from: web,
      to: { cluster: 'atelier/api/80' },
      flags: ['UO'],
    },
    request: { host: 'api', method: 'GET', path: '/', status: 503 },
  },
  ejection: {
    ...common('e:7', 60, 'shop'),
    ...{
      kind: 'ejection',
      workload: 'shop/web-1',
      what: 'ejected',
      from: web,
      to: { ...api, cluster: 'atelier/api/80' },
    },
  },
  certificate: {
    ...common('c:8', 70),
    ...{ kind: 'certificate', what: 'renewed', subject: 'spiffe://prod.example/ns/atelier/sa/api', serial: '0a1b' },
    notAfterMs: sampleMs + 86_400_000,
  },
  publication: {
    ...common('pub:9', 80, 'coffre-system'),
    ...{ kind: 'publication', revision: 'rev-7', proxies: 12, withheld: [], objectCount: 1 },
    objects: ['Grant atelier/web (mesh/grant.yaml:3)'],
  },
  push: {
    ...common('push:10', 90),
    ...{ kind: 'push', revision: 'rev-7', typeUrl: listeners, proxies: ['atelier/api-1'], proxyCount: 1 },
    ...{ resources: 2, removed: 0, bytes: 4_096 },
  },
  ack: {
    ...common('ack:11', 100),
    ...{ kind: 'ack', revision: 'rev-7', typeUrl: listeners, proxies: ['atelier/api-1'], proxyCount: 1 },
  },
  nack: {
    ...common('nack:12', 110),
    ...{
      kind: 'nack',
      workload: 'atelier/api-1',
      typeUrl: listeners,
      resources: ['inbound'],
      message: 'no such filter',
    },
  },
  problem: {
    ...common('prob:13', 120),
    ...{ kind: 'problem', what: 'appeared', code: 'unknown-service', text: 'mesh/grant.yaml:3: no service `apo`' },
  },
  drill: {
    ...common('drill:14', 130),
    ...{ kind: 'drill', stream: 'atelier/api-breaker', sequence: 3, body: '{"atMs":0,"events":[]}' },
  },
  'human-action': {
    ...common('act:15', 140),
    ...{ kind: 'human-action', person: 'p:a1b2c3d4e5f6:c2VhbGVk', method: 'drillStart', status: 200 },
    about: 'atelier/api-breaker',
  },
  quarantine: {
    ...common('qua:21', 145),
    ...{ kind: 'quarantine', act: 'begun', identity: web.identity, person: 'p:a1b2c3d4e5f6:c2VhbGVk' },
    ...{ reason: 'malware found on the pod', quarantinedUntilMs: 1_830_000_000_000 },
  },
  detector: {
    ...common('det:16', 150),
    ...{ kind: 'detector', detector: 'denial-burst', about: web.identity, severity: 'warning', events: ['d:1f0c'] },
    ...{ text: 'web of shop was refused 40 times in a minute', eventCount: 40 },
  },
  store: {
    ...common('store:17', 160, 'coffre-system'),
    ...{ kind: 'store', what: 'opened', text: 'opened at record 16' },
  },
  loss: {
    ...common('loss:18', 170, 'coffre-system'),
    ...{ kind: 'loss', where: 'proxy shop/web-1', count: 12, why: 'more records than it may send' },
  },
};
