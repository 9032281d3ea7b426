/** Identity providers in private networks: the mesh's author says which and where, and a tenant's word opens nothing. */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { parseDocument } from '../../src/model/parse-document.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';
import { programOf, readProgram } from '../../src/policy/program.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom, objectsFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';

const sso = { host: 'sso.corp.example', port: 8_443, addresses: ['10.20.0.0/24'] };

function meshText(...providers: readonly object[]): string {
  return JSON.stringify({
    apiVersion: 'coffre.dev/v1alpha1',
    kind: 'Mesh',
    metadata: { name: 'default' },
    spec: { trustDomain, ...(providers.length === 0 ? {} : { privateProviders: providers }) },
  });
}

describe('a range is taken', () => {
  test.each(['10.20.0.0/24', '10.0.0.0/8', '172.16.9.0/24', '192.168.1.7/32', '100.64.0.0/16', 'fd12:3456::/48'])(
    '%s',
    (range) => {
      expect(parseDocument(meshText({ ...sso, addresses: [range] }), 'mesh.yaml').problems).toEqual([]);
    },
  );
});

describe('a range is refused', () => {
  test.each([
    ['127.0.0.0/8', 'not within a private range'],
    ['169.254.169.254/32', 'not within a private range'],
    ['8.8.8.0/24', 'not within a private range'],
    ['0.0.0.0/0', 'not within a private range'],
    ['10.0.0.0/7', 'not within a private range'],
    ['::/0', 'not within a private range'],
    ['::ffff:10.0.0.0/104', 'not within a private range'],
    ['fe80::/10', 'not within a private range'],
    ['100.64.0.0/10', 'metadata service'],
    ['fd00::/8', 'metadata service'],
    ['10.20.0.0/33', 'no range of addresses'],
    ['10.20.0/24', 'no range of addresses'],
    ['10.20.0.0.0/24', 'no range of addresses'],
  ])('%s: it is %s', (range, told) => {
    const { problems } = parseDocument(meshText({ ...sso, addresses: ['10.20.0.0/24', range] }), 'mesh.yaml');
    expect(problems).toMatchObject([{ path: 'spec.privateProviders[0].addresses[1]', severity: 'error' }]);
    expect(problems[0]?.message).toContain(told);
  });
});

const provider = (issuer: string, more = '') =>
  `{ name: staff, preset: oidc, issuer: "${issuer}", audiences: [orders]${more} }`;
const worldOf = (mesh: string, written: string) =>
  documents(
    mesh,
    tenant('shop', `environment: prod, identityProviders: [${written}]`),
    'apiVersion: coffre.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: people, namespace: shop }\nspec: { allow: [{ token: { groups: [clerks] } }] }',
    pod('shop', 'api', '10.1.0.1'),
    service('shop', 'api', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
  );

describe('whose keys may be fetched inside', () => {
  test.each([
    ['an issuer at a host and port that were named', provider('https://sso.corp.example:8443/realms/shop'), [sso]],
    [
      'keys at a host and port that were named',
      provider('https://idp.example', ', jwksUri: "https://sso.corp.example:8443/keys"'),
      [sso],
    ],
    ['an issuer at another port', provider('https://sso.corp.example/realms/shop'), undefined],
    ['an issuer at another host', provider('https://db.corp.example:8443'), undefined],
    ['an issuer that is no address at all', provider('https://1.2.3.999:99999'), undefined],
    ['an issuer below the host', provider('https://a.sso.corp.example:8443'), undefined],
  ])('%s', (_, written, hosts) => {
    const { tenants } = meshFrom(worldOf(meshText(sso), written));
    expect(tenants.get('shop')?.identityProviders[0]?.privateHosts).toEqual(hosts);
  });

  test('nobody, where the mesh names none', () => {
    const { tenants } = meshFrom(worldOf(meshText(), provider('https://sso.corp.example:8443')));
    expect(tenants.get('shop')?.identityProviders[0]).not.toHaveProperty('privateHosts');
  });

  test('the port is that of HTTPS where none is written', () => {
    const { port: _, ...unported } = sso;
    const { tenants } = meshFrom(worldOf(meshText(unported), provider('https://sso.corp.example')));
    expect(tenants.get('shop')?.identityProviders[0]?.privateHosts).toEqual([{ ...sso, port: 443 }]);
  });
});

test('a leave that is withdrawn from the mesh is withdrawn from the tenants of a builder that knew it', () => {
  const builder = new SnapshotBuilder();
  const written = provider('https://sso.corp.example:8443');
  const hostsAfter = (mesh: string) =>
    builder.build(objectsFrom(worldOf(mesh, written))).tenants.get('shop')?.identityProviders[0]?.privateHosts;
  expect(hostsAfter(meshText(sso))).toEqual([sso]);
  expect(hostsAfter(meshText({ ...sso, addresses: ['10.20.0.7/32'] }))).toEqual([
    { ...sso, addresses: ['10.20.0.7/32'] },
  ]);
  expect(hostsAfter(meshText())).toBeUndefined();
});

test('the leave travels to workers with the policy that needs it', () => {
  const snapshot = meshFrom(worldOf(meshText(sso), provider('https://sso.corp.example:8443')));
  const [workload = expect.fail('no workload')] = snapshot.workloads.values();
  const view = viewOf(snapshot, workload, 0);
  const read = readProgram(fromBinary(PolicyProgramSchema, toBinary(PolicyProgramSchema, programOf(view))));
  const arrived = read.kind === 'ok' ? [...read.program.ports.values()] : expect.fail(read.why);
  expect(arrived[0]?.identityProviders).toMatchObject([{ name: 'staff', privateHosts: [sso] }]);
  expect(arrived).toEqual(view.inbound.map(({ policy }) => policy));
});

test('a program whose leave names no range is refused whole', () => {
  const snapshot = meshFrom(worldOf(meshText(sso), provider('https://sso.corp.example:8443')));
  const [workload = expect.fail('no workload')] = snapshot.workloads.values();
  const program = programOf(viewOf(snapshot, workload, 0));
  for (const host of program.identityProviders.flatMap(({ privateHosts }) => privateHosts)) host.addresses = [];
  expect(readProgram(program)).toMatchObject({ kind: 'refused' });
});
