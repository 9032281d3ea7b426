/** Traffic policies: which are in force, and what their authors are told. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { mesh, pod, service, tenant } from './written.ts';

const world = [
  mesh(),
  tenant('shop'),
  pod('shop', 'api', '10.0.1.1'),
  service('shop', 'api', '10.96.1.1', { app: 'api' }).replace(
    'ports: [',
    'ports: [{name: tcp, port: 5432}, {name: http-admin, port: 81, targetPort: 8081}, ',
  ),
  service('shop', 'db', '10.96.1.2', { app: 'api' }, 'tcp').replace('targetPort: 8080', 'targetPort: 9000'),
];

function policy(spec: string, name = 'api', namespace = 'shop'): string {
  return `apiVersion: coffre.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${spec}}\n`;
}

function read(...texts: readonly string[]) {
  const { objects, problems } = parseDocument([...world, ...texts].join('---\n'), 'mesh.yaml');
  const snapshot = buildSnapshot(objects);
  return {
    policies: snapshot.trafficPolicies,
    told: [...problems, ...snapshot.problems].map(({ severity, code, path }) => `${severity} ${code} ${path}`),
  };
}

describe('a policy that is not in force', () => {
  test.each<[sentence: string, text: string, told: string]>([
    ['names no service', policy('service: apo'), 'error dangling-reference spec.service'],
    ['names no port', policy('service: api, ports: [80, 82]'), 'error dangling-reference spec.ports[1]'],
    ['has no tenant', policy('service: api', 'api', 'nobody'), 'warning missing-tenant metadata.namespace'],
    [
      'looks too often',
      policy('service: api, outlierDetection: {interval: 99ms}'),
      'error bad-value spec.outlierDetection.interval',
    ],
    [
      'ejects for longer than Envoy does',
      policy('service: api, outlierDetection: {baseEjectionTime: 301s}'),
      'error bad-value spec.outlierDetection.baseEjectionTime',
    ],
    ['waits for days', policy('service: api, timeouts: {request: 25h}'), 'error bad-value spec.timeouts.request'],
    ['forgets streams at once', policy('service: api, timeouts: {idle: 999ms}'), 'error bad-value spec.timeouts.idle'],
    ['connects for hours', policy('service: api, timeouts: {connect: 61s}'), 'error bad-value spec.timeouts.connect'],
    [
      'ends tries that nothing tries again',
      policy('service: api, retries: {perTryTimeout: 1s}'),
      'error bad-value spec.retries.perTryTimeout',
    ],
    [
      'retries what Envoy knows and we do not',
      policy('service: api, retries: {retryOn: [5xx]}'),
      'error bad-value spec.retries.retryOn[0]',
    ],
    [
      'breaks always',
      policy('service: api, circuitBreakers: {maxRequests: 0}'),
      'error bad-value spec.circuitBreakers.maxRequests',
    ],
  ])('because it %s', (_sentence, text, told) => {
    const found = read(text);
    expect(found.told).toEqual([told]);
    expect(found.policies.size).toBe(0);
  });
});

test('two policies of one port: each author is told, neither is in force, and a third of another port is', () => {
  const found = read(
    policy('service: api, ports: [80, 81]', 'a'),
    policy('service: api, ports: [81]', 'b'),
    policy('service: api, ports: [5432]', 'c'),
  );
  expect(found.told).toEqual(['error policy-conflict spec.service', 'error policy-conflict spec.service']);
  expect([...found.policies.keys()]).toEqual(['shop/c']);
});

test('what only HTTP knows is told where it does nothing, and holds on the other ports', () => {
  const retries = 'retries: {attempts: 1}';
  expect(read(policy(`service: db, ${retries}`)).told).toEqual(['warning bad-value spec.retries']);
  expect(read(policy('service: api, ports: [5432], timeouts: {idle: 1m}')).told).toEqual([
    'warning bad-value spec.timeouts.idle',
  ]);
  expect(read(policy(`service: api, ${retries}`)).told).toEqual([]);
});

test('a policy in force says what was written, in milliseconds, and nothing else', () => {
  const { policies, told } = read(
    policy(
      'service: api, ports: [81, 80], timeouts: {connect: 250ms}, retries: {retryOn: [unavailable, connect-failure]}',
    ),
  );
  expect(told).toEqual([]);
  expect(policies.get('shop/api')).toMatchObject({
    service: 'shop/api',
    ports: [80, 81],
    breakers: {},
    outliers: {},
    timeouts: { connectMs: 250 },
    retries: { on: ['connect-failure', 'unavailable'] },
  });
});
