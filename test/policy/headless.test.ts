/** A headless service is dialled at its pods: each pod and port once, under that pod's name alone. */
import { expect, test } from 'vitest';
import { viewOf } from '../../src/policy/view.ts';
import { configuredProxy, decoded } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant, twoTenants } from '../fixtures/two-tenants.ts';

const tcp = 'name: tcp, port: 5432';
const headless = (name: string, port = tcp) =>
  service('atelier', name, 'None', port).replace(`app: ${name}`, 'app: node');
const nodes = documents(
  pod('atelier', 'a', '10.1.1.1')
    .replace('app: a', 'app: node')
    .replace('{ ip: 10.1.1.1 }', '{ ip: 10.1.1.1 }, { ip: "fd01::1" }'),
  pod('atelier', 'b', '10.1.1.2', { ready: false }).replace('app: b', 'app: node'),
);
const to = (namespace: string, spec: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ${spec.replace(/\W/g, '')}, namespace: ${namespace} }
spec: { from: { tenant: notaire }, to: { service: ${spec} }, reason: reads }
`;

function podsSeenBy(caller: string, yaml: string) {
  const mesh = meshFrom(yaml);
  const workload = mesh.workloads.get(caller);
  if (workload === undefined) throw new Error(`the mesh has lost \`${caller}\``);
  return viewOf(mesh, workload, 0).outbound.flatMap(({ pod: name, ...port }) =>
    name === undefined ? [] : [{ name, ...port }],
  );
}

test('each pod is one way, at all its addresses, to one endpoint and one identity, ready or not', () => {
  expect(
    podsSeenBy(
      'atelier/web-1',
      documents(twoTenants, nodes, headless('db-pods', 'name: tcp, port: 5432, targetPort: 6000')),
    ),
  ).toMatchObject([
    {
      name: 'atelier/a-1',
      service: 'atelier/db-pods',
      port: 6_000,
      virtualIps: ['10.1.1.1', 'fd01::1'],
      endpoints: [{ address: '10.1.1.1', port: 6_000 }],
      serverSpiffeIds: ['spiffe://mesh.test/ns/atelier/sa/a'],
    },
    {
      name: 'atelier/b-1',
      endpoints: [{ address: '10.1.1.2', port: 6_000, ready: false }],
      serverSpiffeIds: ['spiffe://mesh.test/ns/atelier/sa/b'],
    },
  ]);
});

test('two headless services over the same pods lead to them once, whichever was written first', () => {
  const [one, two] = [headless('aa'), headless('zz')];
  const ways = podsSeenBy('atelier/web-1', documents(twoTenants, nodes, one, two));
  expect(ways.map(({ name, service }) => `${name} ${service}`)).toEqual([
    'atelier/a-1 atelier/aa',
    'atelier/b-1 atelier/aa',
  ]);
  expect(podsSeenBy('atelier/web-1', documents(two, one, nodes, twoTenants))).toMatchObject(
    ways.map(({ service, name }) => ({ service, name })),
  );
});

test('each way is a listener at each address, and a cluster of its own', () => {
  const proxy = configuredProxy(
    meshFrom(documents(twoTenants, nodes, headless('aa'), headless('zz'))),
    'atelier/web-1',
  );
  const named = (type: 'listener' | 'cluster' | 'endpoints' | 'secret') =>
    [...decoded(proxy, type).keys()].filter((name) => name.includes('pod/'));
  expect(named('listener')).toEqual([
    'out/pod/atelier/a-1/5432/10.1.1.1',
    'out/pod/atelier/a-1/5432/fd01::1',
    'out/pod/atelier/b-1/5432/10.1.1.2',
  ]);
  expect(named('cluster')).toEqual(['pod/atelier/a-1/5432', 'pod/atelier/b-1/5432']);
  expect(named('endpoints')).toEqual(named('cluster'));
  expect(named('secret')).toEqual(['servers/pod/atelier/a-1/5432', 'servers/pod/atelier/b-1/5432']);
});

test('another tenant reaches them by a grant, and two grants for the same pods do not stand in each other’s way', () => {
  const mesh = documents(twoTenants, nodes, headless('aa'), headless('zz'));
  expect(podsSeenBy('notaire/web-1', mesh)).toEqual([]);
  const granted = podsSeenBy('notaire/web-1', documents(mesh, to('atelier', 'aa'), to('atelier', 'zz')));
  expect(granted.map(({ name }) => name)).toEqual(['atelier/a-1', 'atelier/b-1']);
});

test('a grant whose pods claim an address of the caller is refused, whichever of their addresses it is', () => {
  const claim = pod('notaire', 'own', '10.2.0.9').replace('{ ip: 10.2.0.9 }', '{ ip: 10.2.0.9 }, { ip: "fd01::1" }');
  const mesh = meshFrom(documents(twoTenants, nodes, claim, headless('aa'), to('atelier', 'aa')), ['address-conflict']);
  expect(mesh.grants.size).toBe(0);
});

test('a service that lost its virtual address is not taken for a headless one', () => {
  const mesh = meshFrom(
    documents(tenant('atelier'), pod('atelier', 'web', '10.1.0.1'), nodes, service('atelier', 'web', '10.1.0.1', tcp)),
    ['address-conflict'],
  );
  expect(mesh.services.get('atelier/web')).toMatchObject({ virtualIps: [], headless: false });
  const workload = mesh.workloads.get('atelier/a-1');
  expect(workload && viewOf(mesh, workload, 0).outbound.flatMap(({ pod: name }) => name ?? [])).toEqual([]);
});
