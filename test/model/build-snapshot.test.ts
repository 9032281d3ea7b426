/** Where objects meet: one table of what goes wrong between them, and what a sound mesh amounts to. */
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';
import { formatSourceRef } from '../../src/model/source-ref.ts';
import { grant, mesh, namespaceOf, pod, policy, service, tenant } from './written.ts';

const nowMs = Date.parse('2026-11-01T00:00:00Z');

function snapshotOf(...texts: readonly string[]) {
  const parsed = parseDocument(texts.join('---\n'), 'mesh.yaml');
  expect(parsed.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return buildSnapshot(parsed.objects, nowMs);
}

/** Line of the n-th document's line that contains `text`. */
function lineWith(texts: readonly string[], document: number, text: string): number {
  const before = texts.slice(0, document).join('---\n');
  const offset = document === 0 ? 0 : before.split('\n').length;
  const index = (texts[document] ?? '').split('\n').findIndex((line) => line.includes(text));
  expect(index, `no line with ${text}`).toBeGreaterThanOrEqual(0);
  return offset + index + 1;
}

const sound = [
  mesh(),
  tenant('shop'),
  tenant('billing'),
  pod('shop', 'api-0', '10.0.1.1'),
  service('shop', 'api', '10.96.1.1', { app: 'api-0' }),
];

test('a sound mesh has no problems and says everything', () => {
  const snapshot = snapshotOf(
    ...sound,
    grant('shop', 'invoices', 'billing', 'api'),
    policy('shop', 'api', 'deny: [{to: {paths: [/admin]}}]'),
  );
  expect(snapshot.problems).toEqual([]);
  expect([...snapshot.tenants.keys()]).toEqual(['billing', 'shop']);
  expect(snapshot.workloads.get('shop/api-0')).toMatchObject({
    spiffeId: 'spiffe://prod.example/ns/shop/sa/default',
    addresses: ['10.0.1.1'],
    ready: true,
  });
  expect(snapshot.services.get('shop/api')).toMatchObject({
    virtualIps: ['10.96.1.1'],
    headless: false,
    ports: [
      {
        port: 80,
        protocol: 'http',
        endpoints: [{ workload: 'shop/api-0', address: '10.0.1.1', port: 8080, ready: true }],
      },
    ],
  });
  expect(snapshot.grants.get('shop/invoices')).toMatchObject({
    from: { tenant: 'billing', spiffeIds: [] },
    to: { service: 'shop/api', ports: [80] },
  });
  expect(snapshot.policies.get('shop/api')).toMatchObject({
    broken: false,
    deny: [{ match: { paths: [{ kind: 'exact', path: '/admin' }] } }],
  });
  expect(snapshot.revision).toMatch(/^[0-9a-f]{16}$/);
});

interface Row {
  readonly sentence: string;
  readonly texts: readonly string[];
  /** `severity code path`, the document it is told of, and the words of the line it points at. */
  readonly told: readonly (readonly [problem: string, document: number, line: string])[];
  readonly says: string;
  /** Keys that must be absent, or present, in the snapshot. */
  readonly absent?: readonly string[];
  readonly present?: readonly string[];
}

const rows: readonly Row[] = [
  {
    sentence: 'a pod in a namespace that nobody owns is no workload',
    texts: [...sound, pod('lost', 'a', '10.0.9.1')],
    told: [['warning missing-tenant metadata.namespace', 5, 'namespace: lost']],
    says: 'write a `Tenant` named `lost`',
    absent: ['workloads lost/a'],
  },
  {
    sentence: 'a pod of Coffre itself, and one of the cluster, are nobody’s and nothing is told of them',
    texts: [
      ...sound,
      ...['coffre-system', 'kube-system'].flatMap((name) => [namespaceOf(name), pod(name, 'a', '10.0.9.1')]),
    ],
    told: [],
    says: '',
    absent: ['workloads coffre-system/a', 'workloads kube-system/a'],
  },
  {
    sentence: 'a namespace that nobody owns is told',
    texts: [...sound, namespaceOf('lost')],
    told: [['warning missing-tenant ', 5, 'apiVersion']],
    says: 'nobody owns the namespace `lost`',
  },
  {
    sentence: 'a pod on the network of its node is outside the mesh',
    texts: [...sound, pod('shop', 'node', '10.0.9.1').replace('spec:\n', 'spec:\n  hostNetwork: true\n')],
    told: [['warning bad-value spec.hostNetwork', 5, 'hostNetwork']],
    says: 'outside the mesh',
    absent: ['workloads shop/node'],
  },
  {
    sentence: 'a grant to an absent service opens nothing',
    texts: [...sound, grant('shop', 'g', 'billing', 'nothing')],
    told: [['error dangling-reference spec.to.service', 5, 'service: nothing']],
    says: 'there is no service `nothing` in `shop`',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a grant to an absent tenant opens nothing',
    texts: [...sound, grant('shop', 'g', 'nobody', 'api')],
    told: [['error dangling-reference spec.from.tenant', 5, 'tenant: nobody']],
    says: 'there is no tenant `nobody`',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a grant out of a namespace that nobody owns opens nothing',
    texts: [...sound, grant('lost', 'g', 'billing', 'api')],
    told: [['error missing-tenant metadata.namespace', 5, 'namespace: lost']],
    says: 'nobody can grant a path into it',
    absent: ['grants lost/g'],
  },
  {
    sentence: 'a grant to a sealed service opens nothing',
    texts: [
      mesh(),
      tenant('shop', 'prod', 'sealedServices: [api]'),
      tenant('billing'),
      ...sound.slice(3),
      grant('shop', 'g', 'billing', 'api'),
    ],
    told: [['error sealed-service spec.to.service', 5, 'service: api']],
    says: 'is sealed',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a seal on a service that is not there is told',
    texts: [...sound, tenant('bank', 'prod', 'sealedServices: [databse]')],
    told: [['warning dangling-reference spec.sealedServices[0]', 5, 'sealedServices']],
    says: 'a misspelt seal seals nothing',
  },
  {
    sentence: 'a grant to oneself is no grant',
    texts: [...sound, grant('shop', 'g', 'shop', 'api')],
    told: [['error self-grant spec.from.tenant', 5, 'tenant: shop']],
    says: 'write an `AccessPolicy` instead',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'environments never meet',
    texts: [...sound, tenant('play', 'test'), grant('shop', 'g', 'play', 'api')],
    told: [['error environment-wall spec.from.tenant', 6, 'tenant: play']],
    says: '`play` is in `test` and `shop` in `prod`',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a grant that ended before it came opens nothing',
    texts: [...sound, grant('shop', 'g', 'billing', 'api', '', 'notAfter: 2026-11-01T00:00:00Z')],
    told: [['warning expired-grant spec.notAfter', 5, 'notAfter']],
    says: 'opens nothing any more',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a grant that ends a second later is still in force',
    texts: [...sound, grant('shop', 'g', 'billing', 'api', '', 'notAfter: 2026-11-01T00:00:01Z')],
    told: [],
    says: '',
    present: ['grants shop/g'],
  },
  {
    sentence: 'a rule that ended before it came is told, and stays',
    texts: [...sound, policy('shop', 'p', 'allow: [{from: {tenants: [shop]}, notAfter: 2026-11-01T00:00:00Z}]')],
    told: [['warning expired-rule spec.allow[0].notAfter', 5, 'notAfter']],
    says: 'lets nobody in any more, nor does the default',
    present: ['policies shop/p'],
  },
  {
    sentence: 'a deny that ended refuses nobody, and is told as such',
    texts: [...sound, policy('shop', 'p', 'deny: [{notAfter: 2026-11-01T00:00:00Z}]')],
    told: [['warning expired-rule spec.deny[0].notAfter', 5, 'notAfter']],
    says: 'refuses nobody any more',
    present: ['policies shop/p'],
  },
  {
    sentence: 'a rule that ends a second later is in force, and nobody is told',
    texts: [...sound, policy('shop', 'p', 'deny: [{notAfter: 2026-11-01T00:00:01Z}]')],
    told: [],
    says: '',
    present: ['policies shop/p'],
  },
  {
    sentence: 'a grant of a port that the service lacks opens nothing, the other ports neither',
    texts: [...sound, grant('shop', 'g', 'billing', 'api', 'ports: [80, 81]')],
    told: [['error dangling-reference spec.to.ports[1]', 5, 'ports']],
    says: 'its ports are 80',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a grant of paths on a TCP port opens nothing',
    texts: [
      ...sound.slice(0, 4),
      service('shop', 'api', '10.96.1.1', { app: 'api-0' }, 'tcp'),
      grant('shop', 'g', 'billing', 'api', 'ports: [80], paths: [/a]'),
    ],
    told: [['error bad-value spec.to.ports[0]', 5, 'ports']],
    says: 'nobody can see the requests',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a grant of paths to a service without HTTP opens nothing',
    texts: [
      ...sound.slice(0, 4),
      service('shop', 'api', '10.96.1.1', { app: 'api-0' }, 'tcp'),
      grant('shop', 'g', 'billing', 'api', 'paths: [/a]'),
    ],
    told: [['error dangling-reference spec.to.service', 5, 'service']],
    says: 'no port that the grant could open',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a service account that nobody runs under is told, and the grant waits for it',
    texts: [...sound, grant('shop', 'g', 'billing', 'api').replace('from: {', 'from: {serviceAccounts: [ghost], ')],
    told: [['warning dangling-reference spec.from.serviceAccounts[0]', 5, 'ghost']],
    says: 'matches nobody',
    present: ['grants shop/g'],
  },
  {
    sentence: 'an address that two pods of a tenant claim belongs to neither',
    texts: [...sound, pod('shop', 'twin', '10.0.1.1')],
    told: [
      ['error address-conflict status.podIPs[0].ip', 3, 'podIPs'],
      ['warning dangling-reference spec.selector', 4, 'selector'],
      ['error address-conflict status.podIPs[0].ip', 5, 'podIPs'],
    ],
    says: 'the pod `twin` claims `10.0.1.1` too, so neither has it',
    absent: ['workloads shop/twin', 'workloads shop/api-0'],
  },
  {
    sentence: 'an address that another tenant claims too stays, and both are told without a name',
    texts: [...sound, pod('billing', 'twin', '10.0.1.1')],
    told: [
      ['warning address-conflict status.podIPs[0].ip', 3, 'podIPs'],
      ['warning address-conflict status.podIPs[0].ip', 5, 'podIPs'],
    ],
    says: 'a pod of another tenant claims `10.0.1.1` too',
    present: ['workloads billing/twin', 'workloads shop/api-0'],
  },
  {
    sentence: 'a pod that has ended keeps no address from the next one',
    texts: [...sound, pod('shop', 'old', '10.0.1.1').replace('status:\n', 'status:\n  phase: Succeeded\n')],
    told: [],
    says: '',
    present: ['workloads shop/api-0'],
    absent: ['workloads shop/old'],
  },
  {
    sentence: 'one address in two spellings is one address',
    texts: [...sound, pod('shop', 'six', 'fd00::1'), pod('shop', 'also-six', 'FD00:0::1')],
    told: [
      ['error address-conflict status.podIPs[0].ip', 5, 'podIPs'],
      ['error address-conflict status.podIPs[0].ip', 6, 'podIPs'],
    ],
    says: 'the pod `also-six` claims `fd00::1` too',
    absent: ['workloads shop/six', 'workloads shop/also-six'],
  },
  {
    sentence: 'a pod on loopback has no address',
    texts: [...sound, pod('shop', 'lo', '127.0.0.1')],
    told: [['error bad-value status.podIPs[0].ip', 5, 'podIPs']],
    says: 'not the address of a neighbour',
    absent: ['workloads shop/lo'],
  },
  {
    sentence: 'the sidecar’s ports cannot be declared',
    texts: [...sound, service('shop', 'admin', '10.96.1.2', { app: 'api-0' }).replace('port: 80,', 'port: 15000,')],
    told: [['error reserved-port spec.ports[0].port', 5, 'ports']],
    says: 'outside 15000 to 15021',
  },
  {
    sentence: 'the sidecar’s ports cannot be targeted',
    texts: [
      ...sound,
      service('shop', 'admin', '10.96.1.2', { app: 'api-0' }).replace('targetPort: 8080', 'targetPort: 15021'),
    ],
    told: [['error reserved-port spec.ports[0].targetPort', 5, 'ports']],
    says: 'belongs to the sidecar',
  },
  {
    sentence: 'a port that two services of a tenant call by two protocols is reached by neither',
    texts: [...sound, service('shop', 'raw', '10.96.1.2', { app: 'api-0' }, 'tcp')],
    told: [
      ['error port-conflict spec.ports[0]', 4, 'ports'],
      ['error port-conflict spec.ports[0]', 5, 'ports'],
    ],
    says: 'by another protocol than `http`',
  },
  {
    sentence: 'a port written twice is in force neither time',
    texts: [
      ...sound,
      service('shop', 'two', '10.96.1.2', { app: 'api-0' }).replace(
        'ports: [',
        'ports: [{port: 80, appProtocol: http}, ',
      ),
    ],
    told: [
      ['error port-conflict spec.ports[0].port', 5, 'ports'],
      ['error port-conflict spec.ports[1].port', 5, 'ports'],
    ],
    says: 'declared twice',
  },
  {
    sentence: 'a port without protocol is carried as TCP, with a warning',
    texts: [
      ...sound,
      pod('shop', 'raw', '10.0.1.2'),
      service('shop', 'raw', '10.96.1.2', { app: 'raw' }).replace(', appProtocol: http', ''),
    ],
    told: [['warning protocol-undeclared spec.ports[0]', 6, 'ports']],
    says: 'no rule on methods or paths can hold there',
  },
  {
    sentence: 'a selector that selects nobody is told',
    texts: [...sound, service('shop', 'empty', '10.96.1.2', { app: 'none' })],
    told: [['warning dangling-reference spec.selector', 5, 'selector']],
    says: 'nobody answers',
  },
  {
    sentence: 'a named port that a pod lacks is told',
    texts: [
      ...sound,
      service('shop', 'named', '10.96.1.2', { app: 'api-0' }).replace('targetPort: 8080', 'targetPort: web'),
    ],
    told: [['warning dangling-reference spec.ports[0].targetPort', 5, 'ports']],
    says: 'has no container port named `web`',
  },
  {
    sentence: 'a virtual address that two services of a tenant claim belongs to neither',
    texts: [...sound, service('shop', 'thief', '10.96.1.1', { app: 'api-0' })],
    told: [
      ['error address-conflict spec.clusterIP', 4, 'clusterIP'],
      ['error address-conflict spec.clusterIP', 5, 'clusterIP'],
    ],
    says: 'so no service has it',
  },
  {
    sentence: 'a grant cannot bring a caller an address that the caller has already',
    texts: [
      ...sound,
      pod('billing', 'db', '10.0.2.1'),
      service('billing', 'db', '10.96.1.1', { app: 'db' }),
      grant('shop', 'g', 'billing', 'api'),
    ],
    told: [['error address-conflict spec.to.service', 7, 'service: api']],
    says: 'the proxies of `billing` find something else already',
    absent: ['grants shop/g'],
    present: ['services billing/db', 'services shop/api'],
  },
  {
    sentence: 'two grants cannot bring one caller the same address',
    texts: [
      ...sound,
      tenant('bank'),
      pod('bank', 'api', '10.0.3.1'),
      service('bank', 'api', '10.96.1.1', { app: 'api' }),
      grant('shop', 'g', 'billing', 'api'),
      grant('bank', 'g', 'billing', 'api'),
    ],
    told: [
      ['error address-conflict spec.to.service', 8, 'service: api'],
      ['error address-conflict spec.to.service', 9, 'service: api'],
    ],
    says: '`shop/api` is called at `10.96.1.1 80`',
    absent: ['grants shop/g', 'grants bank/g'],
  },
  {
    sentence: 'a grant written twice is in force neither time',
    texts: [...sound, grant('shop', 'g', 'billing', 'api'), grant('shop', 'g', 'billing', 'api', 'paths: [/a]')],
    told: [
      ['error duplicate-object metadata.name', 5, 'name: g'],
      ['error duplicate-object metadata.name', 6, 'name: g'],
    ],
    says: 'none of them is in force',
    absent: ['grants shop/g'],
  },
  {
    sentence: 'a rule for an absent tenant is told and matches nobody',
    texts: [...sound, policy('shop', 'p', 'allow: [{from: {tenants: [ghost]}}]')],
    told: [['warning dangling-reference spec.allow[0].from.tenants[0]', 5, 'allow']],
    says: 'matches nobody',
    present: ['policies shop/p'],
  },
  {
    sentence: 'a policy in a namespace that nobody owns protects nothing',
    texts: [...sound, policy('lost', 'p', 'allow: [{}]')],
    told: [['warning missing-tenant metadata.namespace', 5, 'namespace: lost']],
    says: 'protects nothing',
    absent: ['policies lost/p'],
  },
];

describe('what goes wrong between objects', () => {
  test.each(rows)('$sentence', ({ texts, told, says, absent = [], present = [] }) => {
    const snapshot = snapshotOf(...texts);
    expect(
      snapshot.problems.map(
        ({ severity, code, path, where }) => `${severity} ${code} ${path} ${formatSourceRef(where)}`,
      ),
    ).toEqual(told.map(([problem, document, line]) => `${problem} mesh.yaml:${lineWith(texts, document, line)}`));
    const [first] = snapshot.problems;
    expect(`${first?.message} ${first?.advice}`).toContain(says);
    for (const key of [...absent, ...present]) {
      const [map = '', name = ''] = key.split(' ');
      const held = { ...snapshot }[map as 'grants'];
      expect(held.has(name), key).toBe(present.includes(key));
    }
  });
});

test('without a mesh nothing is served', () => {
  const snapshot = snapshotOf(...sound.slice(1));
  expect(snapshot.problems.map(({ code }) => code)).toEqual(['missing-mesh']);
  expect(snapshot.tenants.size + snapshot.workloads.size + snapshot.services.size).toBe(0);
});

test('a policy written twice denies what both selected, or the tenant where they differ', () => {
  const [one, other] = ['api-0', 'web'].map((app) =>
    policy('shop', 'p', `selector: {matchLabels: {app: ${app}}}\n  allow: [{}]`),
  );
  const same = snapshotOf(...sound, one ?? '', one ?? '').policies.get('shop/p');
  const differing = snapshotOf(...sound, one ?? '', other ?? '').policies.get('shop/p');
  expect(same).toMatchObject({ broken: true, selector: new Map([['app', 'api-0']]) });
  expect(differing).toMatchObject({ broken: true, selector: new Map() });
  const audited = policy('shop', 'p', 'enforcement: Audit\n  allow: [{}]');
  expect(snapshotOf(...sound, audited, audited).policies.get('shop/p')?.enforcement).toBe('Audit');
  expect(snapshotOf(...sound, audited, one ?? '').policies.get('shop/p')?.enforcement).toBe('Enforce');
});

test('a principal of another trust domain breaks its policy', () => {
  const snapshot = snapshotOf(
    ...sound,
    policy('shop', 'p', 'deny: [{from: {principals: ["spiffe://other.example/ns/a/sa/b"]}}]'),
  );
  expect(snapshot.policies.get('shop/p')).toMatchObject({ broken: true, allow: [], deny: [] });
  expect(snapshot.problems).toMatchObject([{ code: 'bad-value', path: 'spec.deny[0].from.principals[0]' }]);
});

test('service accounts become exact identities of the right tenant', () => {
  const snapshot = snapshotOf(
    ...sound,
    pod('billing', 'i', '10.0.2.1', 'invoicer'),
    grant('shop', 'g', 'billing', 'api').replace('from: {', 'from: {serviceAccounts: [invoicer], '),
    policy('shop', 'p', 'allow: [{from: {serviceAccounts: [default]}}]'),
  );
  expect(snapshot.problems).toEqual([]);
  expect(snapshot.grants.get('shop/g')?.from.spiffeIds).toEqual(['spiffe://prod.example/ns/billing/sa/invoicer']);
  expect(snapshot.policies.get('shop/p')?.allow[0]?.callers.spiffeIds).toEqual([
    'spiffe://prod.example/ns/shop/sa/default',
  ]);
});

test('the whole tree of paths is any path', () => {
  const snapshot = snapshotOf(
    ...sound,
    policy('shop', 'p', 'deny: [{to: {paths: [/a, "/*"]}}, {to: {paths: ["/b/*"]}}]'),
  );
  expect(snapshot.policies.get('shop/p')?.deny.map(({ match }) => match.paths)).toEqual([
    [],
    [{ kind: 'subtree', path: '/b' }],
  ]);
});

test('slices take the place of the selector, and an address of another tenant in one is nobody', () => {
  const slice = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s, namespace: shop, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
endpoints:
  - {addresses: [10.0.1.2], conditions: {ready: false}}
  - {addresses: [10.0.2.1]}
  - {addresses: [10.9.9.9], targetRef: {kind: Pod, name: api-0}}
ports: [{name: '', port: 9000}]
`;
  const snapshot = snapshotOf(...sound, pod('shop', 'api-1', '10.0.1.2'), pod('billing', 'b', '10.0.2.1'), slice);
  expect(snapshot.services.get('shop/api')?.ports[0]?.endpoints).toEqual([
    { workload: 'shop/api-0', address: '10.0.1.1', port: 9000, ready: true },
    { workload: 'shop/api-1', address: '10.0.1.2', port: 9000, ready: false },
  ]);
  expect(snapshot.problems).toMatchObject([{ code: 'dangling-reference', path: 'endpoints[1]' }]);
});

test.each([
  ['appProtocol: http', 'http'],
  ['appProtocol: HTTP', 'http'],
  ['appProtocol: grpc', 'http2'],
  ['appProtocol: kubernetes.io/h2c', 'http2'],
  ['appProtocol: redis', 'tcp'],
  ['name: http', 'http'],
  ['name: http-web', 'http'],
  ['name: http2-web', 'http2'],
  ['name: grpc-api', 'http2'],
  ['name: tcp-x', 'tcp'],
  ['name: https', 'tcp'],
  ['name: http-web, appProtocol: tcp', 'tcp'],
])('a port with %s speaks %s, and nothing is asked', (declaration, protocol) => {
  const declared = service('shop', 'api', '10.96.1.1', { app: 'api-0' }).replace('appProtocol: http', declaration);
  const snapshot = snapshotOf(...sound.slice(0, 4), declared);
  expect(snapshot.services.get('shop/api')?.ports[0]?.protocol).toBe(protocol);
  expect(snapshot.problems).toEqual([]);
});

test('a rule that ends by the clock moves the revision once, and is marked', () => {
  const written = policy('shop', 'p', 'deny: [{notAfter: 2026-11-01T00:00:01Z}]');
  const { objects } = parseDocument([...sound, written].join('---\n'), 'f');
  const builder = new SnapshotBuilder();
  const before = builder.build(objects, nowMs);
  expect(builder.build(objects, nowMs + 999)).toBe(before);
  const after = builder.build(objects, nowMs + 1_000);
  expect(after.revision).not.toBe(before.revision);
  expect(after.policies.get('shop/p')?.deny).toMatchObject([{ notAfterMs: nowMs + 1_000, hasEnded: true }]);
  expect(builder.build(objects, nowMs + 60_000)).toBe(after);
  expect(buildSnapshot(objects).policies).toStrictEqual(before.policies);
});

test('a grant that ends by the clock moves the revision', () => {
  const { objects } = parseDocument(
    [...sound, grant('shop', 'g', 'billing', 'api', '', 'notAfter: 2026-11-01T00:00:01Z')].join('---\n'),
    'f',
  );
  expect(buildSnapshot(objects, nowMs).revision).toBe(buildSnapshot(objects, nowMs + 999).revision);
  expect(buildSnapshot(objects, nowMs + 1_000).revision).not.toBe(buildSnapshot(objects, nowMs).revision);
  expect(buildSnapshot(objects).grants.size).toBe(1);
});
