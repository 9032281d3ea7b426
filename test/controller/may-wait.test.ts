/** Which changes may wait for a canary: those that leave nothing open that they would close. */
import { expect, test } from 'vitest';
import { mayWait, shapeOf } from '../../src/controller/may-wait.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { configuredProxy } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelierPolicy, noAdmin, pod, tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: reads }
`;
const route = (ms: number) => `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: t, namespace: atelier }
spec: { service: api, timeouts: { request: ${ms}s, connect: ${ms}s } }
`;

interface Row {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly at?: string;
  /** Names of what changed, and whether that may wait. */
  readonly wants: Readonly<Record<string, boolean>>;
}

const rows: readonly Row[] = [
  {
    what: 'a first deny rule',
    before: twoTenants,
    after: documents(twoTenants, noAdmin),
    wants: { 'in/8080': false },
  },
  {
    what: 'a deny rule less',
    before: documents(twoTenants, noAdmin),
    after: twoTenants,
    wants: { 'in/8080': true },
  },
  {
    what: 'a first allow rule, which ends the default',
    before: twoTenants,
    after: documents(twoTenants, atelierPolicy('{ allow: [{ from: { serviceAccounts: [web] } }] }')),
    wants: { 'in/8080': false },
  },
  {
    what: 'one allow rule more, in front of the others',
    before: documents(twoTenants, atelierPolicy('{ allow: [{ from: { serviceAccounts: [web] } }] }')),
    after: documents(
      twoTenants,
      atelierPolicy('{ allow: [{ from: { serviceAccounts: [db] } }, { from: { serviceAccounts: [web] } }] }'),
    ),
    wants: { 'in/8080': true },
  },
  {
    what: 'a narrower allow rule',
    before: documents(twoTenants, atelierPolicy('{ allow: [{ from: { serviceAccounts: [web] } }] }')),
    after: documents(
      twoTenants,
      atelierPolicy('{ allow: [{ from: { serviceAccounts: [web] }, to: { methods: [GET] } }] }'),
    ),
    wants: { 'in/8080': false },
  },
  {
    what: 'a grant',
    before: twoTenants,
    after: documents(twoTenants, grant),
    wants: { inbound: true, 'in/8080': true, 'trust/notaire': false },
  },
  {
    what: 'a grant withdrawn',
    before: documents(twoTenants, grant),
    after: twoTenants,
    wants: { inbound: false, 'in/8080': false },
  },
  {
    what: 'another time for the way to a service',
    before: documents(twoTenants, route(1)),
    after: documents(twoTenants, route(2)),
    at: 'atelier/web-1',
    wants: { 'atelier/api/80': true, 'out/atelier/api/80': true },
  },
];

test.each(rows)('$what', ({ before, after, at = 'atelier/api-1', wants }) => {
  const [then, now] = [before, after].map((yaml) => configuredProxy(meshFrom(yaml), at));
  const changed = changesOf(then, now).map(([old, next]) => [next.name, mayWait(old, next)]);
  expect(Object.fromEntries(changed)).toMatchObject(wants);
});

test('another way out of the mesh does not wait: it may trust less than the former one', () => {
  const [then, now] = ['eu-west-1', 'eu-west-3'].map((region) => {
    const egress = `{ name: pay.example, port: 443, protocol: tcp, region: ${region}, jurisdiction: EU }`;
    const tenants = documents(tenant('atelier', `environment: prod, egress: [${egress}]`), tenant('notaire'));
    return configuredProxy(meshFrom(documents(tenants, workloads)), 'atelier/api-1');
  });
  const changed = changesOf(then, now).map(([old, next]) => [next.name, mayWait(old, next)]);
  expect(Object.fromEntries(changed)).toEqual({ 'external/pay.example/443': false });
});

test('the rules of two pods of one service have one shape, and those of two services have two', () => {
  const second = pod('atelier', 'api', '10.1.0.9').replace('name: api-1', 'name: api-2');
  const mesh = meshFrom(documents(twoTenants, second, noAdmin));
  const shapes = ['atelier/api-1', 'atelier/api-2', 'atelier/web-1'].map((workload) => {
    const rules = configuredProxy(mesh, workload)
      .types.get('type.googleapis.com/envoy.config.route.v3.RouteConfiguration')
      ?.get('in/8080');
    return rules === undefined ? undefined : [rules.version, shapeOf(rules)];
  });
  const [[one, shape] = [], [other, otherShape] = [], [, ofWeb] = []] = shapes;
  expect(one).not.toBe(other);
  expect(shape).toBe(otherShape);
  expect(ofWeb).not.toBe(shape);
});

function changesOf(then: ResourceSnapshot | undefined, now: ResourceSnapshot | undefined) {
  return [...(now?.types ?? [])].flatMap(([typeUrl, listing]) =>
    [...listing.values()].flatMap((next): [Resource | undefined, Resource][] => {
      const old = then?.types.get(typeUrl)?.get(next.name);
      return old?.version === next.version ? [] : [[old, next]];
    }),
  );
}
