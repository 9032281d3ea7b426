/** For whom a fault is armed at a port: where both sides consented to one, and nobody else. */
import { expect, test } from 'vitest';
import { armedCallersMax } from '../../src/policy/arming.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, twoTenants } from '../fixtures/two-tenants.ts';

const bounds = 'maxDuration: 10m, maxPercent: 50';

function consent(namespace: string, spec: string, more = ''): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: drills, namespace: ${namespace} }
spec: { ${spec}${more} }
`;
}

function asTarget(methods = 'abort', services = 'api', callers = 'notaire'): string {
  return `asTarget: { services: [${services}], callerTenants: [${callers}], methods: [${methods}], ${bounds} }`;
}

function asCaller(methods = 'abort', targets = 'atelier'): string {
  return `asCaller: { targetTenants: [${targets}], methods: [${methods}], ${bounds} }`;
}

const grant = (more = '') => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: notaire-calls, namespace: atelier }
spec: { from: { tenant: notaire${more} }, to: { service: api }, reason: calls it }
`;

const endMs = Date.UTC(2027, 0, 1);
const until = ', notAfter: 2027-01-01T00:00:00Z';

function armed(texts: readonly string[], { nowMs = 0, workload = 'atelier/api-1' } = {}): string[] {
  const snapshot = meshFrom(documents(twoTenants, ...texts));
  const found = snapshot.workloads.get(workload);
  if (found === undefined) throw new Error(`there is no workload \`${workload}\``);
  return viewOf(snapshot, found, nowMs).inbound.flatMap((port) => port.armed.map(({ spiffeId }) => spiffeId));
}

const web = 'spiffe://mesh.test/ns/notaire/sa/web';
const api = 'spiffe://mesh.test/ns/notaire/sa/api';

test('both consented to one method, and the caller is granted', () => {
  expect(armed([grant(), consent('atelier', asTarget()), consent('notaire', asCaller())])).toEqual([api, web]);
});

test.each<[sentence: string, texts: readonly string[]]>([
  ['neither consented', [grant()]],
  ['the target alone consented', [grant(), consent('atelier', asTarget())]],
  ['the caller alone consented', [grant(), consent('notaire', asCaller())]],
  [
    'they consented to different methods',
    [grant(), consent('atelier', asTarget('abort')), consent('notaire', asCaller('delay'))],
  ],
  [
    'they consented to breakers only',
    [grant(), consent('atelier', asTarget('openBreaker')), consent('notaire', asCaller('openBreaker'))],
  ],
  [
    'the target consented for another service',
    [grant(), consent('atelier', asTarget('abort', 'web')), consent('notaire', asCaller())],
  ],
  [
    'the target consented for other callers',
    [grant(), consent('atelier', asTarget('abort', 'api', 'atelier')), consent('notaire', asCaller())],
  ],
  [
    'the caller consented for another target',
    [grant(), consent('atelier', asTarget()), consent('notaire', asCaller('abort', 'notaire'))],
  ],
  ['the caller is granted nothing', [consent('atelier', asTarget()), consent('notaire', asCaller())]],
])('nobody where %s', (_sentence, texts) => {
  expect(armed(texts)).toEqual([]);
});

test('only the callers that are granted', () => {
  const texts = [grant(', serviceAccounts: [web]'), consent('atelier', asTarget()), consent('notaire', asCaller())];
  expect(armed(texts)).toEqual([web]);
});

test('inside one tenant it takes both words of the one', () => {
  const own = asTarget('delay', 'api', 'atelier');
  expect(armed([consent('atelier', own)])).toEqual([]);
  expect(armed([consent('atelier', `${own}, ${asCaller('delay')}`)])).toEqual(
    ['api', 'db', 'web'].map((account) => `spiffe://mesh.test/ns/atelier/sa/${account}`),
  );
});

test.each(['target', 'caller'])('nobody from the moment at which the consent of the %s ends', (side) => {
  const texts = [
    grant(),
    consent('atelier', asTarget(), side === 'target' ? until : ''),
    consent('notaire', asCaller(), side === 'caller' ? until : ''),
  ];
  expect(armed(texts, { nowMs: endMs - 1 })).toEqual([api, web]);
  expect(armed(texts, { nowMs: endMs })).toEqual([]);
});

test('nobody on a port of bytes, where no fault has a hold', () => {
  const both = `${asTarget('abort', 'db', 'atelier')}, ${asCaller('abort')}`;
  expect(armed([consent('atelier', both)], { workload: 'atelier/db-1' })).toEqual([]);
});

test('no more than a port can bear, the same ones whatever the order of their objects', () => {
  const names = Array.from({ length: armedCallersMax + 3 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
  const pods = names.map((name, index) =>
    pod('atelier', name, `10.1.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`),
  );
  const both = consent('atelier', `${asTarget('abort', 'many-000', 'atelier')}, ${asCaller('abort')}`);
  const target = service('atelier', 'many-000', '10.96.1.9', 'name: http, port: 80, targetPort: 8080');
  const [forwards, backwards] = [pods, pods.toReversed()].map((each) =>
    armed([...each, target, both], { workload: 'atelier/many-000-1' }),
  );
  expect(forwards).toHaveLength(armedCallersMax);
  expect(backwards).toEqual(forwards);
  expect(forwards?.toSorted()).toEqual(forwards);
});
