/** The ways out as the model has them: what may be declared, where it is dialled, and what its author is told. */
import { describe, expect, test } from 'vitest';
import { externalAddresses } from '../../src/model/external-address.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { service, tenant } from '../fixtures/two-tenants.ts';

const httpPort = 'name: http, port: 80, targetPort: 8080';
const external = (name: string, more = '') =>
  `{ name: ${name}, port: 443, protocol: http, region: eu-west-3, jurisdiction: FR${more} }`;
const withEgress = (entries: readonly string[], more = '') =>
  tenant('atelier', `environment: prod, egress: [${entries.join(', ')}]${more}`);
const declared = (yaml: string, problems: Parameters<typeof meshFrom>[1] = []) =>
  meshFrom(yaml, problems).externalServices.get('atelier') ?? [];

test('a declared service has an address of its own, in a range that nothing else can claim', () => {
  expect(declared(withEgress([external('api.bank.test')]))).toMatchObject([
    {
      tenant: 'atelier',
      name: 'api.bank.test',
      port: 443,
      protocol: 'http',
      virtualIp: expect.stringMatching(/^240\./),
    },
  ]);
  const claim = service('atelier', 'web', '240.0.0.1', httpPort);
  expect(
    meshFrom(documents(tenant('atelier'), claim), ['bad-value', 'dangling-reference']).services.get('atelier/web'),
  ).toMatchObject({ virtualIps: [], headless: false });
});

test('the address stays when others come and go, and is the same for every tenant and port', () => {
  const alone = externalAddresses(['api.bank.test']).get('api.bank.test');
  const many = Array.from({ length: 200 }, (_, index) => `host-${index}.test`);
  expect(externalAddresses([...many, 'api.bank.test']).get('api.bank.test')).toEqual(alone);
  expect(new Set([...externalAddresses(many).values()].map(({ address }) => address)).size).toBe(many.length);
});

test('of two names with one address the later moves on, and its author is told', () => {
  // Found by trying: the first 24 bits of their hashes are equal.
  const [first, second] = ['host-6578.test', 'host-7252.test'];
  const alone = externalAddresses([second]).get(second)?.address;
  expect(externalAddresses([first]).get(first)?.address).toBe(alone);
  const both = declared(withEgress([external(second), external(first)]), ['address-conflict']);
  expect(both.map(({ name }) => name)).toEqual([first, second]);
  expect(both[0]?.virtualIp).toBe(alone);
  expect(both[1]?.virtualIp).not.toBe(alone);
});

describe('no way out leads back in', () => {
  test.each([
    '10.0.0.1',
    '127.1',
    'host.0x7f000001',
    'localhost',
    'app.localhost',
    'api.atelier.svc',
    'api.atelier.svc.cluster.local',
    'printer.local',
    'metadata.google.internal',
    'bank',
  ])('%s is refused', (name) => {
    expect(declared(withEgress([external(`"${name}"`)]), ['bad-value'])).toEqual([]);
  });

  test('the name of a service of the mesh is refused', () => {
    const yaml = documents(withEgress([external('api.atelier')]), service('atelier', 'api', '10.96.1.2', httpPort));
    expect(declared(yaml, ['bad-value', 'dangling-reference'])).toEqual([]);
  });

  test.each(['"*.bank.test"', 'Bank.test', 'bank.test.', '"bank.test/x"'])('%s is no exact name', (name) => {
    expect(declared(withEgress([external(name)]), ['bad-value'])).toEqual([]);
  });
});

test('a region that the tenant does not allow closes the way, and the line is told', () => {
  const mesh = meshFrom(withEgress([external('api.bank.test')], ', allowedRegions: [eu-west-1]'), [
    'region-not-allowed',
  ]);
  expect(mesh.externalServices.get('atelier')).toEqual([]);
  expect(mesh.problems).toMatchObject([
    { path: 'spec.egress[0].region', severity: 'error', where: { file: 'mesh.yaml' } },
  ]);
});

test('one name and port said twice is open for neither, and on two ports is open on both', () => {
  expect(declared(withEgress([external('api.bank.test'), external('api.bank.test')]), ['port-conflict'])).toEqual([]);
  const twoPorts = declared(withEgress([external('api.bank.test'), external('api.bank.test').replace('443', '8443')]));
  expect(twoPorts.map(({ port }) => port)).toEqual([443, 8_443]);
  expect(new Set(twoPorts.map(({ virtualIp }) => virtualIp)).size).toBe(1);
});

test('a reserved port is refused', () => {
  expect(declared(withEgress([external('api.bank.test').replace('443', '15001')]), ['reserved-port'])).toEqual([]);
});

test.each([
  [
    'a key beside the certificate',
    '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n-----BEGIN PRIVATE KEY-----',
  ],
  ['no certificate inside', '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----'],
])('a bundle with %s is refused', (_, pem) => {
  expect(() => meshFrom(withEgress([external('api.bank.test', `, caBundle: "${pem}"`)]))).toThrow(
    /bad-value spec\.egress\[0\]\.caBundle/,
  );
});

describe('a place', () => {
  const pod = (spec: string, labels = '') => `
apiVersion: v1
kind: Pod
metadata: { name: web-1, namespace: atelier, labels: { app: web${labels} } }
spec: { serviceAccountName: web${spec} }
status: { podIPs: [{ ip: 10.1.0.1 }], conditions: [{ type: Ready, status: "True" }] }
`;
  const node = `
apiVersion: v1
kind: Node
metadata: { name: n1, labels: { topology.kubernetes.io/region: eu-west-3, topology.kubernetes.io/zone: eu-west-3a } }
`;
  const ownWords = ', topology.kubernetes.io/region: eu-west-1';
  const localityIn = (yaml: string, problems: Parameters<typeof meshFrom>[1] = []) =>
    meshFrom(yaml, problems).workloads.get('atelier/web-1')?.locality;

  test('is the node’s to say, whatever the pod says of itself', () => {
    expect(localityIn(documents(tenant('atelier'), node, pod(', nodeName: n1', ownWords)))).toEqual({
      region: 'eu-west-3',
      zone: 'eu-west-3a',
    });
    expect(localityIn(documents(tenant('atelier'), pod(', nodeName: gone', ownWords)))).toEqual({
      region: '',
      zone: '',
    });
  });

  test('is the pod’s own to say where there is no node', () => {
    expect(localityIn(documents(tenant('atelier'), pod('', ownWords)))).toEqual({ region: 'eu-west-1', zone: '' });
  });

  test.each([
    ['in another region', 'allowedRegions: [eu-west-2]'],
    ['in another zone', 'allowedZones: [eu-west-3b]'],
  ])('%s than allowed is told on the pod', (_, spec) => {
    localityIn(documents(tenant('atelier', `environment: prod, ${spec}`), node, pod(', nodeName: n1')), [
      'region-not-allowed',
    ]);
  });

  test('that nobody named is refused where places are named', () => {
    localityIn(documents(tenant('atelier', 'environment: prod, allowedRegions: [eu-west-3]'), pod('')), [
      'region-not-allowed',
    ]);
  });
});
