/** NetworkPolicies against the mesh they were made of: exactly its edges, as near as labels allow. */
import { readdirSync, readFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { kinMax } from '../../../src/kube/network-policies/kin.ts';
import { NetworkPolicies } from '../../../src/kube/network-policies/network-policies.ts';
import { kubeletRanges, readNodePlace } from '../../../src/kube/network-policies/node-places.ts';
import { blurredProblem, openingProblem } from '../../../src/kube/network-policies/policy-problems.ts';
import { readObject } from '../../../src/model/read-object.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { SnapshotBuilder } from '../../../src/model/snapshot-builder.ts';
import { documents, meshFrom, objectsFrom, trustDomain } from '../../fixtures/mesh-from.ts';
import { randomHistory } from '../../fixtures/random-history.ts';
import { type MeshObject, momentsMs, randomMesh, randomTestMs, snapshotOf } from '../../fixtures/random-mesh.ts';
import { quarantined, randomQuarantines } from '../../fixtures/random-quarantines.ts';
import { pod, service, tenant } from '../../fixtures/two-tenants.ts';
import { compare, onlyOf } from './edges.ts';
import { type Connection, type Place, passes } from './evaluator.ts';

const nowMs = 0;
const golden = join(import.meta.dirname, '../../envoy/golden');
const scenarios = readdirSync(golden).filter((name) => !name.includes('.'));

function policiesOf(snapshot: Snapshot, atMs = nowMs) {
  return [...new NetworkPolicies().of(snapshot, [], atMs).values()].flatMap(({ policies }) => policies);
}

function scenario(name: string): Snapshot {
  const text = readFileSync(join(golden, name, 'input.yaml'), 'utf8');
  const named = /^# problems (.+)$/m.exec(text)?.[1];
  return meshFrom(text, (named?.split(' ') ?? []) as Parameters<typeof meshFrom>[1]);
}

function demo(): Snapshot {
  const folder = join(import.meta.dirname, '../../../deploy/demo');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
  const text = files.sort().map((name) => readFileSync(join(folder, name), 'utf8'));
  return meshFrom(documents(...text), ['missing-tenant']);
}

describe('they allow exactly the edges of the mesh', () => {
  test.each(scenarios)('of the scenario %s', (name) => {
    const snapshot = scenario(name);
    expect(compare(snapshot, policiesOf(snapshot), nowMs)).toMatchObject({ blurred: 0, wrong: [] });
  });

  test('of the mesh of the demo, and so they are written', async () => {
    const snapshot = demo();
    const written = policiesOf(snapshot).map((policy) => stringify(policy, { aliasDuplicateObjects: false }));
    await expect(written.join('---\n')).toMatchFileSnapshot(join(import.meta.dirname, 'golden/demo.yaml'));
    const compared = compare(snapshot, policiesOf(snapshot), nowMs);
    expect(compared).toMatchObject({ blurred: 0, wrong: [] });
    expect(compared.open).toBeGreaterThan(3);
  });

  test('of random meshes, at any moment and under quarantines', { timeout: randomTestMs }, () => {
    const seen = { open: 0, closed: 0, blurred: 0 };
    const labels = fc.array(
      fc.record({ tier: fc.constantFrom('', 'one', 'two'), 'pod-template-hash': fc.constantFrom('', 'a', 'b') }),
      { minLength: 9, maxLength: 9 },
    );
    const moments = fc.constantFrom(...momentsMs);
    fc.assert(
      fc.property(randomMesh(), labels, randomQuarantines, moments, (objects, more, quarantines, atMs) => {
        const snapshot = snapshotOf(labelled(objects, more), atMs, quarantines);
        const policies = policiesOf(snapshot, atMs);
        const { wrong, ...counted } = compare(snapshot, policies, atMs);
        expect(wrong).toEqual([]);
        // Either direction says all of it, for networks that keep to one only.
        expect(compare(snapshot, onlyOf('Ingress', policies), atMs).wrong).toEqual([]);
        expect(compare(snapshot, onlyOf('Egress', policies), atMs).wrong).toEqual([]);
        for (const key of ['open', 'closed', 'blurred'] as const) seen[key] += counted[key];
      }),
      { numRuns: 250 },
    );
    expect(Math.min(seen.open, seen.closed)).toBeGreaterThan(100);
    // Those that differ in their account and in no label: most pairs are told apart.
    expect(seen.blurred).toBeLessThan(seen.open);
  });
});

describe('what everybody is let do', () => {
  const kubelet = '10.9.0.1';
  const nodes = [
    { addresses: [kubelet, '2001:db8::9'], podRanges: ['10.1.0.0/24'] },
    { addresses: ['198.51.100.7'], podRanges: ['198.51.101.0/24'] },
  ];
  const snapshot = meshFrom(
    documents(
      `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: ${trustDomain}
  dns: { resolvers: [10.96.0.10] }
  telemetry: { scrapers: [{ namespace: notaire, serviceAccount: web }] }`,
      tenant(
        'atelier',
        'environment: prod, egress: [{ name: pay.example, port: 443, protocol: tls, region: eu, jurisdiction: EU }]',
      ),
      tenant('notaire'),
      pod('atelier', 'web', '10.1.0.3'),
      pod('notaire', 'web', '10.2.0.3'),
    ),
  );
  const policies = [...new NetworkPolicies().of(snapshot, nodes, nowMs).values()].flatMap((each) => each.policies);
  const inNamespace = (namespace: string, labels: Readonly<Record<string, string>>): Place => ({
    ...{ kind: 'pod', namespace, labels, address: '10.3.0.3' },
  });
  const web = inNamespace('atelier', { app: 'web' });
  const neighbour = inNamespace('notaire', { app: 'web' });
  const unknown = inNamespace('atelier', { app: 'new' });
  const controlPlane = inNamespace('coffre-system', { 'app.kubernetes.io/name': 'coffre' });
  const worker = inNamespace('coffre-system', { 'app.kubernetes.io/name': 'coffre-authz' });
  const dns = inNamespace('kube-system', { 'k8s-app': 'kube-dns' });
  const at = (address: string): Place => ({ kind: 'address', address });

  test.each<readonly [string, Connection, boolean]>([
    ['a kubelet asks at the health port', { from: at(kubelet), to: web, port: 15_021 }, true],
    ['from its bridge, too', { from: at('10.1.0.1'), to: web, port: 15_021 }, true],
    ['from its address of the other family, too', { from: at('2001:db8::9'), to: web, port: 15_021 }, true],
    ['and nowhere else', { from: at(kubelet), to: web, port: 8_080 }, false],
    ['a pod asks no other how its application is', { from: neighbour, to: web, port: 15_021 }, false],
    ['nor does an address of another pod', { from: at('10.1.0.9'), to: web, port: 15_021 }, false],
    ['the control plane looks in', { from: controlPlane, to: web, port: 15_004 }, true],
    ['it reads statistics', { from: controlPlane, to: web, port: 15_005 }, true],
    ['a worker has no business there', { from: worker, to: web, port: 15_004 }, false],
    ['who is named by the mesh reads statistics', { from: neighbour, to: web, port: 15_005 }, true],
    ['of pods that nobody knows yet, too', { from: neighbour, to: unknown, port: 15_005 }, true],
    ['and does not look in', { from: neighbour, to: web, port: 15_004 }, false],
    ['who is not named does not', { from: web, to: neighbour, port: 15_005 }, false],
    ['xDS', { from: web, to: controlPlane, port: 15_012 }, true],
    ['evidence', { from: unknown, to: controlPlane, port: 15_015 }, true],
    ['the webhook is not for pods (SEC-45)', { from: web, to: controlPlane, port: 15_017 }, false],
    ['nor the management door', { from: web, to: controlPlane, port: 15_014 }, false],
    ['verdicts', { from: unknown, to: worker, port: 15_016 }, true],
    ['names, by the pods of the resolver', { from: unknown, to: dns, port: 53, protocol: 'UDP' }, true],
    ['names, by its address', { from: unknown, to: at('10.96.0.10'), port: 53, protocol: 'TCP' }, true],
    ['SEC-61: DNS at any other place is closed', { from: web, to: at('10.96.0.11'), port: 53, protocol: 'UDP' }, false],
    ['SEC-61: DNS at another port is closed', { from: web, to: dns, port: 5_353, protocol: 'UDP' }, false],
    ['a way out of the mesh', { from: web, to: at('203.0.113.9'), port: 443 }, true],
    ['over IPv6, too', { from: web, to: at('2606:4700::1'), port: 443 }, true],
    ['at its port alone', { from: web, to: at('203.0.113.9'), port: 80 }, false],
    ['SEC-61: the metadata address is closed', { from: web, to: at('169.254.169.254'), port: 443 }, false],
    ['SEC-61: private addresses are closed', { from: web, to: at('10.7.0.1'), port: 443 }, false],
    [
      'SEC-61: an IPv4 address inside of an IPv6 one is closed',
      { from: web, to: at('2002:a00:1::1'), port: 443 },
      false,
    ],
    ['SEC-61: a node is closed though its address is public', { from: web, to: at('198.51.100.7'), port: 443 }, false],
    ['SEC-61: and its pods are', { from: web, to: at('198.51.101.9'), port: 443 }, false],
    ['who has no way out has none', { from: neighbour, to: at('203.0.113.9'), port: 443 }, false],
    ['SEC-60: nobody from outside comes in', { from: at('203.0.113.9'), to: web, port: 8_080 }, false],
    ['SEC-60: the capture ports are for nobody', { from: neighbour, to: web, port: 15_006 }, false],
    ['SEC-60: UDP goes nowhere', { from: web, to: neighbour, port: 8_080, protocol: 'UDP' }, false],
  ])('%s', (_sentence, connection, want) => {
    expect(passes(policies, connection)).toBe(want);
  });

  test('a quarantine closes the ways out of the mesh, and leaves what everybody may', () => {
    const cutOff = new Map([['spiffe://mesh.test/ns/atelier/sa/web', quarantined('atelier', 'web', 1)]]);
    const made = new NetworkPolicies().of({ ...snapshot, quarantines: cutOff }, nodes, nowMs);
    const now = [...made.values()].flatMap((each) => each.policies);
    expect(passes(now, { from: web, to: at('203.0.113.9'), port: 443 })).toBe(false);
    expect(passes(now, { from: web, to: controlPlane, port: 15_012 })).toBe(true);
  });

  test('of a mesh without a tenant there are none', () => {
    expect(new NetworkPolicies().of(meshFrom(documents()), nodes, nowMs)).toEqual(new Map());
  });
});

describe('what only some of a kin may', () => {
  const api = 'name: http, port: 80, targetPort: 8080';
  const allow = (rule: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: readers, namespace: atelier }
spec: { selector: { matchLabels: { app: api } }, ${rule} }
`;
  const shop = (...more: readonly string[]) =>
    documents(
      tenant('atelier'),
      pod('atelier', 'web', '10.1.0.3'),
      pod('atelier', 'api', '10.1.0.4'),
      service('atelier', 'api', '10.96.0.1', api),
      ...more,
    );
  const place = (labels: Readonly<Record<string, string>>, namespace = 'atelier'): Place => ({
    kind: 'pod',
    namespace,
    labels,
    address: '10.1.0.9',
  });
  const isOpen = (snapshot: Snapshot, to: Place, port: number, atMs = nowMs) =>
    passes(policiesOf(snapshot, atMs), { from: place({ app: 'web' }), to, port });

  test('a way ends with the rule that opened it', () => {
    const endMs = Date.UTC(2027, 0, 1);
    const snapshot = meshFrom(
      shop(allow('allow: [{ from: { serviceAccounts: [web] }, notAfter: "2027-01-01T00:00:00Z" }]')),
    );
    expect(isOpen(snapshot, place({ app: 'api' }), 8_080, endMs - 1)).toBe(true);
    expect(isOpen(snapshot, place({ app: 'api' }), 8_080, endMs)).toBe(false);
  });

  test('a deny under a condition leaves the connection to the sidecar, and one without closes it', () => {
    const open = meshFrom(shop(allow(`deny: [{ when: 'request.method == "DELETE"' }]`)));
    expect(isOpen(open, place({ app: 'api' }), 8_080)).toBe(true);
    const closed = meshFrom(shop(allow('deny: [{ from: { serviceAccounts: [web] } }]')));
    expect(isOpen(closed, place({ app: 'api' }), 8_080)).toBe(false);
  });

  test('who comes later to a tenant is let in where its tenant is, and not where accounts are named', () => {
    const newcomer = place({ app: 'new' });
    const letsIn = (text: string) =>
      passes(onlyOf('Ingress', policiesOf(meshFrom(text))), { from: newcomer, to: place({ app: 'api' }), port: 8_080 });
    expect(letsIn(shop())).toBe(true);
    expect(letsIn(shop(allow('allow: [{ from: { serviceAccounts: [web, api] } }]')))).toBe(false);
  });

  test('pods that a slice tells apart are split by labels that pass', () => {
    const replica = (index: number) =>
      pod('atelier', 'db', `10.1.0.${5 + index}`)
        .replace('name: db-1', `name: db-${index}`)
        .replace('labels: {', `labels: { statefulset.kubernetes.io/pod-name: db-${index},`);
    const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db, namespace: atelier, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
endpoints: [{ addresses: [10.1.0.5] }]
ports: [{ name: tcp, port: 5432 }]
`;
    const snapshot = meshFrom(
      shop(replica(0), replica(1), service('atelier', 'db', '10.96.0.2', 'name: tcp, port: 5432'), slice),
    );
    const to = (name: string) => place({ app: 'db', 'statefulset.kubernetes.io/pod-name': name });
    expect([isOpen(snapshot, to('db-0'), 5_432), isOpen(snapshot, to('db-1'), 5_432)]).toEqual([true, false]);
  });

  test('a place that the caller’s tenant does not allow is closed to it', () => {
    const node = (region: string) => `
apiVersion: v1
kind: Node
metadata: { name: node-${region}, labels: { topology.kubernetes.io/region: ${region} } }
`;
    const on = (region: string, text: string) => text.replace('spec: {', `spec: { nodeName: node-${region},`);
    const replica = (region: string, index: number) =>
      on(region, pod('atelier', 'api', `10.1.0.${5 + index}`))
        .replace('name: api-1', `name: api-${region}`)
        .replace('labels: {', `labels: { pod-template-hash: ${region},`);
    const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: a test }
`;
    const snapshot = meshFrom(
      documents(
        ...[tenant('atelier'), tenant('notaire', 'environment: prod, allowedRegions: [eu]'), node('eu'), node('us')],
        ...[replica('eu', 0), replica('us', 1), service('atelier', 'api', '10.96.0.1', api)],
        ...[on('eu', pod('notaire', 'web', '10.2.0.3')), grant],
      ),
    );
    const to = (region: string) => place({ app: 'api', 'pod-template-hash': region });
    const from = place({ app: 'web' }, 'notaire');
    const open = ['eu', 'us'].map((region) => passes(policiesOf(snapshot), { from, to: to(region), port: 8_080 }));
    expect(open).toEqual([true, false]);
  });
});

describe('pods that are no pods to a network', () => {
  const onNode = `
apiVersion: v1
kind: Pod
metadata:
  name: agent-1
  namespace: atelier
  labels: { app: agent }
  annotations: { coffre.dev/capture: explicit, coffre.dev/application-address: 127.0.0.9 }
spec: { serviceAccountName: agent, hostNetwork: true, nodeName: node-1 }
status: { podIPs: [{ ip: 10.9.0.1 }], conditions: [{ type: Ready, status: "True" }] }
`;
  const snapshot = meshFrom(
    documents(
      tenant('atelier'),
      onNode,
      pod('atelier', 'api', '10.1.0.3'),
      service('atelier', 'api', '10.96.0.1', 'name: http, port: 80, targetPort: 8080'),
      service('atelier', 'agent', '10.96.0.2', 'name: http, port: 80, targetPort: 9090'),
    ),
  );
  const nodes = ['10.9.0.1', '10.9.0.2'].map((address) => ({ addresses: [address], podRanges: [] }));
  const policies = [...new NetworkPolicies().of(snapshot, nodes, nowMs).values()].flatMap((each) => each.policies);
  const api: Place = { kind: 'pod', namespace: 'atelier', labels: { app: 'api' }, address: '10.1.0.3' };
  const node = (address: string): Place => ({ kind: 'address', address });

  test('one in its node’s network is named by the address of its node, and no other node is', () => {
    expect(passes(policies, { from: node('10.9.0.1'), to: api, port: 8_080 })).toBe(true);
    expect(passes(policies, { from: api, to: node('10.9.0.1'), port: 9_090 })).toBe(true);
    expect(passes(policies, { from: node('10.9.0.2'), to: api, port: 8_080 })).toBe(false);
    expect(passes(policies, { from: api, to: node('10.9.0.2'), port: 9_090 })).toBe(false);
    expect(passes(policies, { from: api, to: node('10.9.0.1'), port: 22 })).toBe(false);
  });
});

describe('what is told', () => {
  test('of a policy of others only where it opens something', () => {
    const told = (spec: unknown) => openingProblem({ namespace: 'shop', name: 'own', spec })?.path;
    expect(told({ podSelector: {}, policyTypes: ['Ingress'] })).toBeUndefined();
    expect(told({ podSelector: {}, ingress: [] })).toBeUndefined();
    expect(told({ podSelector: {}, ingress: [{}] })).toBe('spec.ingress');
    expect(told({ podSelector: {}, egress: [{}] })).toBe('spec.egress');
    expect(told('nonsense')).toBeUndefined();
  });

  test('of pods that the mesh tells apart and their labels do not', () => {
    const twin = pod('atelier', 'web', '10.1.0.4')
      .replace('name: web-1', 'name: twin')
      .replace('serviceAccountName: web', 'serviceAccountName: other');
    const rule = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: readers, namespace: atelier }
spec: { selector: { matchLabels: { app: api } }, allow: [{ from: { serviceAccounts: [web] } }] }
`;
    const api = [
      pod('atelier', 'api', '10.1.0.5'),
      service('atelier', 'api', '10.96.0.1', 'name: http, port: 80, targetPort: 8080'),
    ];
    const snapshot = meshFrom(documents(tenant('atelier'), pod('atelier', 'web', '10.1.0.3'), twin, rule, ...api));
    expect(compare(snapshot, policiesOf(snapshot), nowMs)).toMatchObject({ open: 1, blurred: 1, wrong: [] });
    const { blurred = [] } = new NetworkPolicies().of(snapshot, [], nowMs).get('atelier') ?? {};
    expect(blurredProblem('atelier', blurred).message).toContain('not the same rights: `twin`, `web-1`;');
  });
});

describe('their size', () => {
  const labels = (index: number) => ({ app: `app-${index}`, tier: 'one' });
  const crowd = (size: number, more: Readonly<Record<string, string>> = {}) =>
    meshFrom(
      documents(
        tenant('atelier'),
        ...Array.from({ length: size }, (_, index) =>
          JSON.stringify(podObject(`pod-${index}`, index, { ...more, ...labels(index) })),
        ),
        JSON.stringify({
          ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'all', namespace: 'atelier' } },
          spec: {
            clusterIP: '10.96.0.1',
            selector: { tier: 'one' },
            ports: [{ name: 'http', port: 80, targetPort: 8_080 }],
          },
        }),
      ),
    );

  test('a namespace of more kin than are told apart is one, and says so', () => {
    const few = new NetworkPolicies().of(crowd(kinMax), [], nowMs).get('atelier');
    expect(few?.policies).toHaveLength(kinMax + 1);
    expect(few?.blurred).toEqual([]);
    const snapshot = crowd(kinMax + 1);
    const many = new NetworkPolicies().of(snapshot, [], nowMs).get('atelier');
    expect(many?.policies.map(({ spec }) => spec.podSelector)).toEqual([{}, {}]);
  });

  test('an object has room in etcd, whatever the mesh is like', () => {
    const sizes = (new NetworkPolicies().of(crowd(kinMax), [], nowMs).get('atelier')?.policies ?? []).map(
      (policy) => JSON.stringify(policy).length,
    );
    expect(Math.max(...sizes)).toBeLessThan(1_000_000);
  });

  test('of a node is read what can be, and the rest is nowhere', () => {
    const addresses = ['10.9.0.1', 'node-1.example', '2001:DB8::1', '127.0.0.1'].map((address) => ({ address }));
    const podCIDRs = ['10.1.3.0/24', '10.1.3.0', 'fd00::/64', '10.1.3.0/33'];
    const raw = { metadata: { name: 'node-1' }, spec: { podCIDRs }, status: { addresses } };
    expect(readNodePlace(raw)).toEqual({
      addresses: ['10.9.0.1', '2001:db8::1'],
      podRanges: ['10.1.3.0/24', 'fd00::/64'],
    });
    expect(readNodePlace({ status: { addresses: 'none' } })).toEqual({ addresses: [], podRanges: [] });
  });

  test('where labels are so long that an object would have none, whole namespaces are named', () => {
    const long = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`label-${index}`, 'x'.repeat(60)]));
    const made = new NetworkPolicies().of(crowd(kinMax, long), [], nowMs);
    const sizes = (made.get('atelier')?.policies ?? []).map((policy) => JSON.stringify(policy).length);
    expect(sizes).toHaveLength(kinMax + 1);
    expect(Math.max(...sizes)).toBeLessThan(100_000);
  });

  test('where there are many nodes, neighbours share a range, and each is still in one', () => {
    const nodes = Array.from({ length: 5_000 }, (_, index) => ({
      addresses: [`10.${index >> 8}.${index & 255}.7`],
      podRanges: [`172.${16 + (index >> 12)}.${(index >> 4) & 255}.${(index & 15) << 4}/28`],
    }));
    const ranges = kubeletRanges(nodes);
    expect(ranges.length).toBeLessThanOrEqual(200);
    const list = new BlockList();
    for (const range of ranges) list.addSubnet(range.split('/')[0] ?? '', Number(range.split('/')[1]));
    expect(nodes.filter(({ addresses: [address = ''] }) => !list.check(address))).toEqual([]);
    expect(list.check('192.168.0.1')).toBe(false);
  });
});

describe('what is kept', () => {
  test('one that remembers says what one says that remembers nothing', { timeout: randomTestMs }, () => {
    const noNodes: readonly never[] = [];
    fc.assert(
      fc.property(randomHistory(4), fc.array(randomQuarantines, { minLength: 5, maxLength: 5 }), (history, cutOff) => {
        const builder = new SnapshotBuilder();
        const remembering = new NetworkPolicies();
        const sourced = new Map<MeshObject, ReturnType<typeof objectsOf>>();
        for (const [index, objects] of history.entries()) {
          const read = objects.flatMap((object) => {
            const own = sourced.get(object) ?? objectsOf([object]);
            sourced.set(object, own);
            return own;
          });
          const snapshot = builder.build(read, nowMs, cutOff[index]);
          expect(remembering.of(snapshot, noNodes, nowMs)).toEqual(new NetworkPolicies().of(snapshot, noNodes, nowMs));
        }
      }),
      { numRuns: 100 },
    );
  });

  test('what moves at a caller alone moves the policies of whom it calls', () => {
    const world = (label: string, region: string) =>
      objectsFrom(
        documents(
          tenant('atelier'),
          pod('atelier', 'api', '10.1.0.3').replace('spec: {', 'spec: { nodeName: node-1,'),
          service('atelier', 'api', '10.96.0.1', 'name: http, port: 80, targetPort: 8080'),
          tenant('notaire', `environment: prod, allowedRegions: [${region}]`),
          pod('notaire', 'web', '10.2.0.3'),
          pod('notaire', 'web', '10.2.0.4').replace('name: web-1', 'name: web-2').replace('app: web', `app: ${label}`),
          `
apiVersion: v1
kind: Node
metadata: { name: node-1, labels: { topology.kubernetes.io/region: eu } }
`,
          `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire, serviceAccounts: [web] }, to: { service: api }, reason: a test }
`,
        ),
      );
    const builder = new SnapshotBuilder();
    const remembering = new NetworkPolicies();
    const noNodes: readonly never[] = [];
    let known = world('web', 'eu');
    const told = [world('web', 'eu'), world('other', 'eu'), world('other', 'us')].map((objects) => {
      // As a source hands them over: what did not change is the very same value.
      known = objects.map((object) => known.find(({ id, hash }) => id === object.id && hash === object.hash) ?? object);
      const snapshot = builder.build(known, nowMs);
      const made = remembering.of(snapshot, noNodes, nowMs);
      expect(made).toEqual(new NetworkPolicies().of(snapshot, noNodes, nowMs));
      return JSON.stringify(made.get('atelier'));
    });
    expect(new Set(told).size).toBe(3);
  });

  test('a change in one tenant leaves the policies of others the very same values', () => {
    const objects = (name: string) =>
      objectsFrom(
        documents(
          tenant('atelier'),
          tenant('notaire'),
          pod('atelier', name, '10.1.0.3'),
          pod('notaire', 'web', '10.2.0.3'),
        ),
      );
    const [before, after] = [objects('web'), objects('api')];
    const noNodes: readonly never[] = [];
    const builder = new SnapshotBuilder();
    const remembering = new NetworkPolicies();
    const known = new Map(before.map((object) => [object.hash, object]));
    const first = remembering.of(builder.build(before, nowMs), noNodes, nowMs);
    const next = after.map((object) => known.get(object.hash) ?? object);
    const second = remembering.of(builder.build(next, nowMs), noNodes, nowMs);
    expect(second.get('notaire')).toBe(first.get('notaire'));
    expect(second.get('atelier')).not.toBe(first.get('atelier'));
  });

  test('a roll-out changes no policy: what comes and goes with it is not named', () => {
    const rolled = (hash: string, name: string) =>
      meshFrom(
        documents(
          tenant('atelier'),
          JSON.stringify(podObject(name, 3, { app: 'web', 'pod-template-hash': hash })),
          service('atelier', 'web', '10.96.0.1', 'name: http, port: 80, targetPort: 8080'),
        ),
      );
    const text = (snapshot: Snapshot) => JSON.stringify(policiesOf(snapshot));
    expect(text(rolled('aaa', 'web-aaa-1'))).toBe(text(rolled('bbb', 'web-bbb-2')));
  });
});

function podObject(name: string, index: number, labels: Readonly<Record<string, string>>): object {
  return {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'atelier', labels }, spec: {} },
    status: { podIPs: [{ ip: `10.1.${index >> 8}.${index & 255}` }], conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

/** With labels that tell some pods apart, some of which come and go with a roll-out. */
function labelled(
  objects: readonly MeshObject[],
  more: readonly Readonly<Record<string, string>>[],
): readonly MeshObject[] {
  let index = 0;
  return objects.map((object) => {
    if (object.kind !== 'Pod') return object;
    const own = Object.entries(more[index++] ?? {}).filter(([, value]) => value !== '');
    return {
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...Object.fromEntries(own) } },
    };
  });
}

function objectsOf(objects: readonly MeshObject[]) {
  return objects.flatMap((object, index) => {
    const outcome = readObject(object, { file: 'random', line: index + 1 });
    return outcome.kind === 'object' ? [outcome.object] : [];
  });
}
