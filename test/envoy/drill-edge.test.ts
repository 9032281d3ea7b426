/** What a drill would strike: who calls the target, by which clusters, and at which endpoints a fault is armed for whom. */
import { expect, test } from 'vitest';
import { drillEdge } from '../../src/envoy/drill-edge.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { configured, decoded } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, twoTenants } from '../fixtures/two-tenants.ts';

function drill(service: string, port: number, method = 'openBreaker: {}'): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: d, namespace: atelier }
spec:
  hypothesis: nobody notices
  target: { service: ${service}, port: ${port} }
  method: { ${method} }
  blastRadius: { callers: [{ tenant: atelier }], percent: 50 }
  steadyState: [{ name: p, source: { traffic: { metric: successRate } }, tolerance: { atLeast: 0.9 } }]
  abortOn: [{ probe: p }]
  duration: 1m
`;
}

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: web-calls, namespace: atelier }
spec: { from: { tenant: notaire, serviceAccounts: [web] }, to: { service: api }, notAfter: 2027-01-01T00:00:00Z, reason: calls it }
`;
const bounds = 'methods: [abort], maxDuration: 10m, maxPercent: 50';
const consents = [
  `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: c, namespace: atelier }
spec: { asTarget: { services: [api], callerTenants: [notaire], ${bounds} } }
`,
  `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: c, namespace: notaire }
spec: { asCaller: { targetTenants: [atelier], ${bounds} } }
`,
];

function edgeOf(snapshot: Snapshot, nowMs = 0) {
  const found = snapshot.drills.get('atelier/d');
  if (found === undefined) throw new Error('the drill does not exist');
  const edge = drillEdge(snapshot, found, nowMs);
  // Every cluster that a drill would name is one that the proxy has.
  for (const { proxy, clusters } of edge.callers) {
    const known = configured(snapshot, nowMs).get(proxy);
    if (known === undefined) throw new Error(`\`${proxy}\` was not configured`);
    expect([...decoded(known, 'cluster').keys()]).toEqual(expect.arrayContaining([...clusters]));
  }
  return edge;
}

test('the callers are those whose proxies have a cluster for it: of the own tenant, and granted', () => {
  const mesh = meshFrom(documents(twoTenants, grant, ...consents, drill('api', 80)));
  const edge = edgeOf(mesh);
  expect(edge.protocol).toBe('http');
  expect(edge.callers.map(({ proxy, clusters }) => `${proxy} ${clusters}`)).toEqual([
    'atelier/api-1 atelier/api/80',
    'atelier/db-1 atelier/api/80',
    'atelier/web-1 atelier/api/80',
    'notaire/web-1 atelier/api/80',
  ]);
  expect(edge.callers.at(-1)).toMatchObject({
    tenant: 'notaire',
    serviceAccount: 'web',
    spiffeId: 'spiffe://mesh.test/ns/notaire/sa/web',
  });
  expect(edge.endpoints).toEqual([
    { proxy: 'atelier/api-1', port: 8_080, ready: true, armedFor: new Set(['notaire/web']) },
  ]);
});

test('who has lost the grant is no caller, and nothing is armed for it', () => {
  const mesh = meshFrom(documents(twoTenants, grant, ...consents, drill('api', 80)));
  const edge = edgeOf(mesh, Date.UTC(2027, 0, 1));
  expect(edge.callers.map(({ tenant }) => tenant)).toEqual(['atelier', 'atelier', 'atelier']);
  expect(edge.endpoints[0]?.armedFor.size).toBe(0);
});

test('an endpoint that is not ready is told as such', () => {
  const edge = edgeOf(
    meshFrom(
      documents(
        twoTenants,
        pod('atelier', 'api', '10.1.0.9', { ready: false }).replace('api-1', 'api-2'),
        drill('api', 80),
      ),
    ),
  );
  expect(edge.endpoints.map(({ proxy, ready }) => `${proxy} ${ready}`)).toEqual([
    'atelier/api-1 true',
    'atelier/api-2 false',
  ]);
});

test('a port of bytes has callers, and nobody for whom a fault is armed', () => {
  const edge = edgeOf(meshFrom(documents(twoTenants, drill('db', 5_432))));
  expect(edge.protocol).toBe('tcp');
  expect(edge.callers.map(({ clusters }) => clusters)).toEqual(Array(3).fill(['atelier/db/5432']));
  expect(edge.endpoints).toEqual([{ proxy: 'atelier/db-1', port: 5_432, ready: true, armedFor: new Set() }]);
});

test('a headless service is called pod by pod, under whichever name its pods are known', () => {
  const second = pod('atelier', 'api', '10.1.0.9').replace('api-1', 'api-2');
  // Before `heads` in order, and so what gives the pods their clusters.
  const headless = (name: string) =>
    service('atelier', 'api', 'None', 'name: http, port: 80, targetPort: 8080').replace('name: api,', `name: ${name},`);
  const edge = edgeOf(meshFrom(documents(twoTenants, second, headless('abc'), headless('heads'), drill('heads', 80))));
  const clusters = ['pod/atelier/api-1/8080', 'pod/atelier/api-2/8080'];
  expect(edge.callers.map((caller) => caller.clusters)).toEqual([clusters, clusters, clusters, clusters]);
});

test('a service with an address is not its pods, where a headless one leads to them too', () => {
  const headless = service('atelier', 'api', 'None', 'name: http, port: 80, targetPort: 8080').replace(
    'name: api,',
    'name: heads,',
  );
  const edge = edgeOf(meshFrom(documents(twoTenants, headless, drill('api', 80))));
  expect(edge.callers.map(({ clusters }) => clusters)).toEqual(Array(3).fill(['atelier/api/80']));
});

test('when endpoints are ejected is what the owner says, or the default', () => {
  const policy = `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: api, namespace: atelier }
spec: { service: api, outlierDetection: { consecutive5xx: 2, maxEjectionPercent: 100 } }
`;
  expect(edgeOf(meshFrom(documents(twoTenants, policy, drill('api', 80)))).outliers).toEqual({
    consecutive5xx: 2,
    maxEjectionPercent: 100,
    baseEjectionTimeMs: 30_000,
  });
});

test('a target that is gone since has nobody', () => {
  const before = meshFrom(documents(twoTenants, drill('api', 80)));
  const gone = { ...before, services: new Map() };
  expect(edgeOf(gone)).toMatchObject({ callers: [], endpoints: [] });
});
