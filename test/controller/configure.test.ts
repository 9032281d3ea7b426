/** From a snapshot to what each proxy is told: withheld rather than half, and one fault of ours takes nobody else down. */
import { expect, test } from 'vitest';
import { type Configuration, configure, type IssuedTrust, workerKey } from '../../src/controller/configure.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { platform } from '../fixtures/configured.ts';
import { fakeTrust } from '../fixtures/fake-trust.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, noAdmin, twoTenants } from '../fixtures/two-tenants.ts';

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire, serviceAccounts: [web] }, to: { service: api }, reason: reads }
`;
const mesh = meshFrom(documents(twoTenants, grant));

function configureWith(trust: Partial<IssuedTrust>) {
  return configure(mesh, { ...fakeTrust, ...trust }, platform, 0);
}

test('a proxy without its leaf is withheld, and no other', () => {
  const leaf: IssuedTrust['leaf'] = (id) => (id === atelier.db ? undefined : fakeTrust.leaf(id));
  const { proxies, withheld, failed } = configureWith({ leaf });
  expect(withheld).toEqual(['atelier/db-1']);
  expect(failed).toEqual([]);
  expect(proxies.has('atelier/db-1')).toBe(false);
  expect(proxies.has('atelier/api-1')).toBe(true);
});

test('a missing anchor withholds whoever needs it: its own tenant, and both ends of a grant', () => {
  const bundlePem: IssuedTrust['bundlePem'] = (name) => (name === 'notaire' ? undefined : fakeTrust.bundlePem(name));
  const { withheld } = configureWith({ bundlePem });
  expect(withheld).toEqual(['atelier/api-1', 'notaire/api-1', 'notaire/web-1']);
});

test('a configuration that cannot be built is told apart with its cause', () => {
  const cause = new Error('unreadable');
  const leaf: IssuedTrust['leaf'] = (id) => {
    if (id === atelier.db) throw cause;
    return fakeTrust.leaf(id);
  };
  const { proxies, failed } = configureWith({ leaf });
  expect(failed).toEqual([{ workload: 'atelier/db-1', cause }]);
  expect([...proxies.keys()].sort()).toEqual(
    [...mesh.workloads.keys(), workerKey].filter((key) => key !== 'atelier/db-1').sort(),
  );
});

test('resources of equal content are one value, whoever they are for', () => {
  const { proxies } = configureWith({});
  const outbound = [...proxies].flatMap(([key, { types }]) =>
    key === workerKey ? [] : [types.get(typeUrls.listener)?.get('outbound')],
  );
  expect(outbound).toHaveLength(mesh.workloads.size);
  expect(new Set(outbound).size).toBe(1);
});

test('the workers get a program for every workload, be a configuration of theirs unbuilt, or keep the last whole set', () => {
  const typeUrl = 'type.googleapis.com/coffre.policy.v1.PolicyProgram';
  const programsOf = ({ proxies }: Configuration) => [...(proxies.get(workerKey)?.types.get(typeUrl)?.keys() ?? [])];
  const leaf = () => {
    throw new Error('unreadable');
  };
  expect(programsOf(configureWith({}))).toEqual([...mesh.workloads.keys()]);
  expect(programsOf(configureWith({ leaf }))).toEqual([...mesh.workloads.keys()]);
  expect(configureWith({ workerIdentity: () => undefined }).proxies.has(workerKey)).toBe(false);
  const [first, ...others] = [...mesh.workloads];
  const labels = undefined as never;
  const unreadable = new Map(first === undefined ? [] : [[first[0], { ...first[1], labels }], ...others]);
  const policies = new Map([...meshFrom(documents(twoTenants, noAdmin)).policies]);
  const { proxies, failed } = configure({ ...mesh, workloads: unreadable, policies }, fakeTrust, platform, 0);
  expect(failed).toEqual([{ workload: 'atelier/api-1', cause: expect.any(TypeError) }]);
  expect(proxies.has(workerKey)).toBe(false);
});
