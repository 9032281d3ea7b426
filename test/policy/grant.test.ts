/** A grant opens exactly what it says: these callers, this service's ports, these methods and paths, until its end. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { decide } from '../../src/policy/decide.ts';
import { headerLines } from '../../src/policy/stated-request.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom, objectsFrom } from '../fixtures/mesh-from.ts';
import { notaire, service, twoTenants } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

const to = 'atelier/api-1:8080';
const granted = 'allow grant/atelier/g';

function grant(spec: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { ${spec}, reason: reads }
`;
}

test('methods and paths are both demanded', () => {
  const reads = grant('from: { tenant: notaire }, to: { service: api, methods: [GET, HEAD], paths: ["/deeds/*"] }');
  expectDecisions(meshFrom(documents(twoTenants, reads)), [
    { from: notaire.web, to, request: 'GET /deeds/7', want: granted },
    { from: notaire.web, to, request: 'HEAD /deeds', want: granted },
    { from: notaire.web, to, request: 'POST /deeds/7', want: 'deny outside-grant' },
    { from: notaire.web, to, request: 'get /deeds/7', want: 'deny outside-grant' },
    { from: notaire.web, to, request: 'GET /', want: 'deny outside-grant' },
  ]);
});

test('a service account is named exactly', () => {
  const webOnly = grant('from: { tenant: notaire, serviceAccounts: [web] }, to: { service: api }');
  expectDecisions(meshFrom(documents(twoTenants, webOnly)), [
    { from: notaire.web, to, request: 'GET /', want: granted },
    { from: notaire.api, to, request: 'GET /', want: 'deny outside-grant' },
    { from: `${notaire.web}-2`, to, request: 'GET /', want: 'deny outside-grant' },
  ]);
});

test('only the named service is opened, and only to the named tenant', () => {
  const api = grant('from: { tenant: notaire }, to: { service: api }');
  expectDecisions(meshFrom(documents(twoTenants, api)), [
    { from: notaire.web, to: 'atelier/web-1:8080', request: 'GET /', want: 'deny tenant-wall' },
    { from: notaire.web, to: 'atelier/db-1:5432', want: 'deny tenant-wall' },
    { from: 'spiffe://mesh.test/ns/greffe/sa/web', to, request: 'GET /', want: 'deny tenant-wall' },
  ]);
});

test('only the named port is opened, at the pod and in what the caller sees', () => {
  const metrics = 'name: http, port: 80, targetPort: 8080 }, { name: http-metrics, port: 9090';
  const mesh = meshFrom(
    documents(
      twoTenants,
      service('atelier', 'both', '10.96.1.9', metrics).replace('{ app: both }', '{ app: api }'),
      grant('from: { tenant: notaire }, to: { service: both, ports: [9090] }'),
    ),
  );
  expectDecisions(mesh, [
    { from: notaire.web, to: 'atelier/api-1:9090', request: 'GET /', want: granted },
    { from: notaire.web, to, request: 'GET /', want: 'deny tenant-wall' },
  ]);
  expect(foreignPorts(mesh, 'notaire/web-1')).toEqual(['atelier/both 9090']);
});

test('a grant is dead at its `notAfter` exactly, and alive one millisecond before', () => {
  const until = grant('from: { tenant: notaire }, to: { service: api }, notAfter: "2027-01-31T18:00:00Z"');
  const mesh = meshFrom(documents(twoTenants, until));
  const endMs = Date.UTC(2027, 0, 31, 18);
  expectDecisions(mesh, [
    { from: notaire.web, to, request: 'GET /', atMs: endMs - 1, want: granted },
    { from: notaire.web, to, request: 'GET /', atMs: endMs, want: 'deny grant-expired grant/atelier/g' },
    { from: notaire.web, to, request: 'GET /', atMs: endMs + 1, want: 'deny grant-expired grant/atelier/g' },
  ]);
  expect(foreignPorts(mesh, 'notaire/web-1', endMs - 1)).toEqual(['atelier/api 80']);
  expect(foreignPorts(mesh, 'notaire/web-1', endMs)).toEqual([]);
});

test('the callee opens a chain for the caller’s tenant while the grant lives, and no longer', () => {
  const until = grant('from: { tenant: notaire }, to: { service: api }, notAfter: "2027-01-31T18:00:00+01:00"');
  const mesh = meshFrom(documents(twoTenants, until));
  const endMs = Date.UTC(2027, 0, 31, 17);
  expect(callersOf(mesh, endMs - 1)).toEqual(['atelier', 'notaire']);
  expect(callersOf(mesh, endMs)).toEqual(['atelier']);
});

function foreignPorts(mesh: ReturnType<typeof meshFrom>, key: string, nowMs = 0): string[] {
  const workload = mesh.workloads.get(key);
  if (workload === undefined) throw new Error(`there is no workload \`${key}\``);
  const { outbound } = viewOf(mesh, workload, nowMs);
  return outbound.filter(({ tenant }) => tenant !== workload.tenant).map((port) => `${port.service} ${port.port}`);
}

function callersOf(mesh: ReturnType<typeof meshFrom>, nowMs: number): string[] {
  const workload = mesh.workloads.get('atelier/api-1');
  if (workload === undefined) throw new Error('the mesh has lost its API');
  return viewOf(mesh, workload, nowMs).inbound.flatMap(({ callers }) => callers.map(({ tenant }) => tenant));
}

const judgedByProxies = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: mesh.test, authorization: { mode: dynamicOnly } }
`;

describe('a grant speaks of requests in the words of a policy', () => {
  const open = (more: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: open, namespace: atelier }
spec: { from: { tenant: notaire }, ${more}, reason: a test }
`;
  const judged = (more: string, request: object) => {
    const mesh = meshFrom(documents(twoTenants, open(more)));
    const workload = mesh.workloads.get('atelier/api-1');
    const port = workload && viewOf(mesh, workload, 0).inbound.find((each) => each.port === 8_080);
    if (port === undefined) throw new Error('the port is not declared');
    const asked = { kind: 'http', principal: notaire.web, method: 'GET', path: '/x', host: 'api', ...request } as const;
    return decide(port.policy, asked, 0).kind;
  };
  test.each([
    ['to: { service: api, hosts: [api] }', {}, { host: 'other' }],
    [
      'to: { service: api, headers: [{ name: x-team, exact: red }] }',
      { headers: headerLines([['x-team', 'red']]) },
      {},
    ],
    ['to: { service: api }, when: \'request.path.endsWith("x")\'', {}, { path: '/y' }],
  ])('%s', (more, allowed, refused) => {
    expect([judged(more, allowed), judged(more, refused)]).toEqual(['allow', 'deny']);
  });

  test.each([
    ['to: { service: api, hosts: [api], headers: [{ name: x-team, exact: red }] }', false],
    ['to: { service: api }, when: request.method == "GET"', true],
  ])('%s asks a worker under `dynamicOnly`: %s', (more, isAsked) => {
    const mesh = meshFrom(documents(judgedByProxies, twoTenants, open(more)));
    const workload = mesh.workloads.get('atelier/api-1');
    const port = workload && viewOf(mesh, workload, 0).inbound.find((each) => each.port === 8_080);
    expect(port).toMatchObject({ everyRequest: isAsked });
  });

  test.each([
    'to: { service: db, ports: [5432], hosts: [db] }',
    'to: { service: db, headers: [{ name: x-team, exact: red }] }',
    'to: { service: db }, when: source.tenant == "notaire"',
  ])('%s, where bytes are all that is seen, is told what to do', (more) => {
    const { problems } = buildSnapshot(objectsFrom(documents(twoTenants, open(more))));
    expect(problems).toMatchObject([
      { severity: 'error', object: { kind: 'Grant' }, advice: expect.stringContaining('HTTP') },
    ]);
  });

  test.each([
    ["to: { service: api }, when: 'request.path +'", ['bad-value']],
    ['to: { service: api, headers: [{ name: host, exact: api }] }', ['bad-value']],
    ['to: { service: db, ports: [5432], hosts: [db] }', ['bad-value']],
  ] as const)('%s opens nothing, and is told', (more, problems) => {
    expect(meshFrom(documents(twoTenants, open(more)), problems).grants.size).toBe(0);
  });
});
