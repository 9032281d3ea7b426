/** The walls of a cluster: a real API server, a real control plane process, and hands that change what they should not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { admissionPolicies } from '../../../src/kube/keep/admission-policies.ts';
import { NetworkPolicies } from '../../../src/kube/network-policies/network-policies.ts';
import { readNodePlace } from '../../../src/kube/network-policies/node-places.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { documents, meshFrom } from '../../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../../fixtures/two-tenants.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';
import { attachment, csi, pathOf, volume } from '../volumes/storage.ts';
import { must } from '../volumes/wall-of-tests.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
/** Longest wait for anything, in ms. */
const longMs = 60_000;

const node = {
  ...{
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    spec: { podCIDRs: ['10.1.0.0/24'], podCIDR: '10.1.0.0/24' },
  },
  status: { addresses: [{ type: 'InternalIP', address: '10.9.0.1' }] },
};
/** With a container, as an API server wants it. */
function running(namespace: string, name: string, address: string): string {
  return pod(namespace, name, address).replace('spec: {', 'spec: { containers: [{ name: app, image: app }],');
}

const volumeGrant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ledger, namespace: shop }
spec: { from: { tenant: billing }, to: { volume: ledger }, reason: an audit }
`;
const world = documents(
  `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: mesh.example, dns: { resolvers: [10.96.0.10] } }`,
  tenant('shop'),
  tenant('billing'),
  service('shop', 'api', '10.96.0.21', 'name: http, port: 80, targetPort: 8080'),
  running('shop', 'api', '10.1.0.3'),
  running('shop', 'web', '10.1.0.4'),
  running('billing', 'web', '10.1.0.5'),
  `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: billing-reads, namespace: shop }
spec: { from: { tenant: billing, serviceAccounts: [web] }, to: { service: api }, reason: they need it }
`,
  volumeGrant,
);

interface Kept {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: object;
}

whereKube('the walls of a cluster', () => {
  let cluster: RunningCluster;
  let kube: Kube;
  let state: string | undefined;
  let child: ChildProcess;
  const lines: string[] = [];

  async function kubectl(args: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await kube.kubectl(args, { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  beforeAll(async () => {
    cluster = await startKube();
    kube = connectKube(cluster);
    await installDefinitions(kube);
    for (const name of ['shop', 'billing', systemNamespace]) await kubectl(['create', 'namespace', name]);
    await must(kube, '/api/v1/nodes', node);
    await kubectl(['apply', '--server-side', '-f', '-'], world);
    for (const { key, addresses } of meshFrom(world).workloads.values()) {
      const [namespace = '', name = ''] = key.split('/');
      const status = {
        phase: 'Running',
        podIPs: addresses.map((ip) => ({ ip })),
        conditions: [{ type: 'Ready', status: 'True' }],
      };
      await kubectl([
        'patch',
        'pod',
        name,
        '-n',
        namespace,
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status: { ...status, podIP: addresses[0] } }),
      ]);
    }
    const handle = csi('disk-1');
    for (const each of [
      volume('a-ledger', 'shop/ledger', handle),
      volume('b-copy', 'billing/copy', handle),
      attachment('one', 'b-copy'),
    ])
      await must(kube, pathOf(each), each);
    state = await mkdtemp(join(tmpdir(), 'coffre-state-'));
    const addresses = ['--xds', `127.0.0.1:${await freePort()}`, '--evidence', `127.0.0.1:${await freePort()}`];
    const args = ['--kube', await kube.adminKubeconfig(), '--state', state, ...addresses];
    child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.stdout === null) throw new Error('the control plane has no output');
    createInterface(child.stdout).on('line', (line) => lines.push(line));
    await said('"serving"');
  }, 2 * longMs);

  afterAll(async () => {
    child?.kill('SIGTERM');
    await (child === undefined ? undefined : once(child, 'exit'));
    if (state !== undefined) await rm(state, { recursive: true, force: true });
    await kube.close();
    await cluster.stop();
  });

  const said = (...words: readonly string[]) =>
    until(async () => lines.some((line) => words.every((word) => line.includes(word))));
  const policiesIn = async (namespace: string): Promise<readonly Kept[]> => {
    const { body } = await kube.request('GET', `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`);
    return (body as { items: readonly Kept[] }).items;
  };
  const wanted = (text: string) => {
    const made = new NetworkPolicies().of(meshFrom(text), [readNodePlace(node)], Date.now());
    return [...made.values()].flatMap(({ policies }) => policies);
  };
  const isKept = (text: string, ...tenants: readonly string[]) =>
    until(async () => {
      const there = (await Promise.all(tenants.map(policiesIn)))
        .flat()
        .filter(({ metadata }) => metadata.name.startsWith('coffre-'));
      const specs = (all: readonly Pick<Kept, 'metadata' | 'spec'>[]) =>
        new Map(all.map(({ metadata, spec }) => [`${metadata.namespace}/${metadata.name}`, spec]));
      return isEqual(specs(there), specs(wanted(text) as unknown as readonly Kept[]));
    });

  test('NetworkPolicies are those of the mesh, word for word: what the API server fills in is written out', async () => {
    await isKept(world, 'shop', 'billing');
    expect((await policiesIn('shop')).map(({ metadata }) => metadata.name)).toHaveLength(3);
  });

  test('each tenant has the mesh’s ConfigMap, with a root that its sidecars can believe', async () => {
    for (const namespace of ['shop', 'billing']) {
      await until(
        async () =>
          (await kube.request('GET', `/api/v1/namespaces/${namespace}/configmaps/coffre-mesh`)).status === 200,
      );
      const { body } = await kube.request('GET', `/api/v1/namespaces/${namespace}/configmaps/coffre-mesh`);
      expect((body as { data: Record<string, string> }).data['root.crt']).toContain('BEGIN CERTIFICATE');
    }
  });

  test('the API server holds the volume wall by itself, and who may ask for tokens', async () => {
    for (const { kind, metadata } of admissionPolicies) {
      const plural =
        kind === 'ValidatingAdmissionPolicy' ? 'validatingadmissionpolicies' : 'validatingadmissionpolicybindings';
      const path = `/apis/admissionregistration.k8s.io/v1/${plural}/${metadata.name}`;
      await until(async () => (await kube.request('GET', path)).status === 200);
    }
  });

  test('a hand edit is told, with who and where, and is set right; what is deleted comes back', async () => {
    await isKept(world, 'shop', 'billing');
    const patch = '{"spec":{"ingress":[{}]}}';
    await kubectl([
      'patch',
      'networkpolicy',
      'coffre-base',
      '-n',
      'shop',
      '--type=merge',
      '-p',
      patch,
      '--field-manager=mallory',
    ]);
    await said('object-drift', '`spec.ingress` was changed by `mallory`');
    await isKept(world, 'shop', 'billing');
    const before = (await policiesIn('billing')).map(({ metadata }) => metadata.uid);
    await kubectl(['delete', 'networkpolicy', '--all', '-n', 'billing']);
    await isKept(world, 'shop', 'billing');
    expect((await policiesIn('billing')).filter(({ metadata }) => before.includes(metadata.uid))).toEqual([]);
    await said('object-drift', 'was deleted, or lost our labels');
  });

  test('a tenant’s own policy stays, and is told where it opens something', async () => {
    const own = (name: string, more: object) => ({
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace: 'shop' } },
      spec: { podSelector: {}, policyTypes: ['Ingress'], ...more },
    });
    const path = '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies';
    await must(kube, path, own('theirs-closing', {}));
    await must(kube, path, own('theirs-opening', { ingress: [{ from: [{ namespaceSelector: {} }] }] }));
    await said('network-policy-opens', 'theirs-opening');
    expect(lines.filter((line) => line.includes('theirs-closing'))).toEqual([]);
    expect((await policiesIn('shop')).map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(['theirs-closing', 'theirs-opening']),
    );
  });

  test('SEC-48: a grant that is withdrawn closes its way, and is told of the volume that is still attached', async () => {
    expect(lines.filter((line) => line.includes('volume-wall'))).toEqual([]);
    await kubectl(['delete', 'grant', 'ledger', '-n', 'shop']);
    await said('volume-wall', 'it is attached to `node-1`');
    await kubectl(['delete', 'grant', 'billing-reads', '-n', 'shop']);
    const rest = world
      .split('---')
      .filter((text) => !text.includes('billing-reads'))
      .join('---');
    await isKept(rest, 'shop', 'billing');
  });

  test('a namespace that is no tenant any more loses what was ours, and nothing else', async () => {
    await kubectl(['delete', 'tenant', 'shop']);
    await until(async () => (await policiesIn('shop')).every(({ metadata }) => !metadata.name.startsWith('coffre-')));
    expect((await policiesIn('shop')).map(({ metadata }) => metadata.name).sort()).toEqual([
      'theirs-closing',
      'theirs-opening',
    ]);
    await until(
      async () => (await kube.request('GET', '/api/v1/namespaces/shop/configmaps/coffre-mesh')).status === 404,
    );
    expect((await policiesIn('billing')).length).toBeGreaterThan(0);
  });
});

function isEqual(left: ReadonlyMap<string, object>, right: ReadonlyMap<string, object>): boolean {
  const sorted = (map: ReadonlyMap<string, object>) =>
    JSON.stringify(
      [...map].sort(([one], [other]) => (one < other ? -1 : 1)),
      byKey,
    );
  return sorted(left) === sorted(right);
}

/** Fields in the order of their names, whoever wrote them. */
function byKey(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(longMs);
  while (!(await isSo())) await sleep(50, undefined, { signal });
}
