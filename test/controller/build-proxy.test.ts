/** A fault of a builder closes the port it is about, and no other. */
import { expect, test } from 'vitest';
import { type BrokenPart, buildProxy } from '../../src/controller/build-proxy.ts';
import { unbuiltProblems } from '../../src/controller/unbuilt-problems.ts';
import { resourcesFor } from '../../src/envoy/resources-for.ts';
import { systemNamespace } from '../../src/model/system-namespace.ts';
import { type ProxyView, viewOf } from '../../src/policy/view.ts';
import { platform } from '../fixtures/configured.ts';
import { fakeTrust } from '../fixtures/fake-trust.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { noAdmin, twoTenants } from '../fixtures/two-tenants.ts';

const split = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: split, namespace: atelier }
spec:
  parentRefs: [{ group: "", kind: Service, name: web, port: 80 }]
  rules: [{ backendRefs: [{ name: web, port: 80, weight: 3 }, { name: api, port: 80, weight: 1 }] }]
`;
const mesh = meshFrom(documents(twoTenants, noAdmin, split));
const workload = mesh.workloads.get('atelier/api-1');
if (workload === undefined) throw new Error('the fixture has no `atelier/api-1`');
const view = viewOf(mesh, workload, 0);
const trust = {
  ...{ certificateChainPem: 'leaf', privateKeyPem: 'key', rootPem: fakeTrust.rootPem },
  bundles: new Map(['atelier', systemNamespace].map((tenant) => [tenant, 'anchor'])),
};

/** Builds, but for a view in which `isBad` sees something. */
function building(isBad: (view: ProxyView) => boolean) {
  return buildProxy(view, (part) => {
    if (isBad(part)) throw new Error('out of words');
    return resourcesFor(part, trust, platform);
  });
}

const hasApi = ({ outbound }: ProxyView) => outbound.some(({ service }) => service === 'atelier/api');
const namesOf = ({ resources }: ReturnType<typeof building>) => resources.map(({ name }) => name);

test('where nothing throws, nothing is closed and nothing built twice', () => {
  let builds = 0;
  const built = building(() => {
    builds += 1;
    return false;
  });
  expect([built.broken, builds]).toEqual([[], 1]);
});

test('a way that cannot be built is closed, and the others stand', () => {
  const built = building(hasApi);
  expect(built.broken).toMatchObject([{ part: { kind: 'outbound', port: { service: 'atelier/api' } } }]);
  expect(namesOf(built).filter((name) => name.includes('atelier/api'))).toEqual([]);
  expect(namesOf(built)).toEqual(expect.arrayContaining(['atelier/web/80', 'atelier/db/5432', 'inbound', 'in/8080']));
});

test('the share of a route that led there leads nowhere, and is not handed to the others', () => {
  let shares: unknown;
  buildProxy(view, (part) => {
    if (hasApi(part)) throw new Error('out of words');
    shares = part.outbound.find(({ service }) => service === 'atelier/web')?.rules[0]?.shares;
    return [];
  });
  expect(shares).toEqual([{ weight: 1 }, { to: expect.objectContaining({ service: 'atelier/web' }), weight: 3 }]);
});

test('rules that cannot be built close their whole port: no deny is left out of one that stays open', () => {
  const built = building(({ inbound }) => inbound.some(({ policy }) => policy.deny.length > 0));
  expect(built.broken).toMatchObject([{ part: { kind: 'inbound', port: { port: 8080 } } }]);
  expect(namesOf(built)).not.toContain('in/8080');
  expect(namesOf(built)).toContain('atelier/web/80');
});

test('what fails without any port is nobody’s part, and fails whole', () => {
  expect(() => building(() => true)).toThrow('out of words');
});

test('a fault is told on the object it is about, once, whoever it was built for', () => {
  const part = building(hasApi).broken[0]?.part as BrokenPart;
  const cause = new Error('out of words');
  const failed = ['atelier/api-1', 'atelier/web-1'].map((key) => ({ workload: key, part, cause }));
  expect(unbuiltProblems(failed, mesh)).toEqual([
    expect.objectContaining({
      code: 'not-built',
      severity: 'error',
      object: { kind: 'Service', namespace: 'atelier', name: 'api' },
      where: mesh.services.get('atelier/api')?.where,
    }),
  ]);
  expect(unbuiltProblems([{ workload: 'atelier/api-1', cause }], mesh)).toMatchObject([{ object: { kind: 'Pod' } }]);
});
