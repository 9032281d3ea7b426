/** A control plane and a cluster whose pods may have no identity for a while: told by their streams and in words. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGrpcClient } from '../../../src/grpc/grpc-client.ts';
import { tokenHeader } from '../../../src/grpc/peer.ts';
import { defaultServerDnsName } from '../../../src/identity/authority.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { DeltaClient } from '../../../src/xds/delta-client.io.ts';
import { typeUrls } from '../../../src/xds/type-url.ts';
import { freePort } from '../../fixtures/free-port.ts';
import type { Cluster } from '../harness/cluster.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { startKube } from '../harness/start-kube.ts';
import { mesh, namespace, tenant, write } from '../inform/cluster-objects.ts';
import { type RunningPod, runPod, tokenOf } from './attesting.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
const trustDomain = 'mesh.example';
/** Longest wait for what follows from one change, in ms. */
const soonMs = 20_000;

whereKube('an identity that is withheld', () => {
  let [cluster, kube, child, address, rootPem, state]: [
    (Cluster & { stop(): Promise<void> }) | undefined,
    Kube | undefined,
    ChildProcess | undefined,
    string,
    string,
    string,
  ] = [undefined, undefined, undefined, '', '', ''];
  const lines: string[] = [];
  const clients: DeltaClient[] = [];

  beforeAll(async () => {
    cluster = await startKube();
    kube = connectKube(cluster);
    await installDefinitions(kube);
    const gallery = {
      ...tenant('gallery'),
      spec: { environment: 'prod', images: { registries: ['registry.example'] } },
    };
    await write(kube, namespace('gallery'), gallery);
    const bank = { ...tenant('bank'), spec: { environment: 'prod', dedicatedNodes: {} } };
    await write(
      kube,
      namespace(systemNamespace),
      namespace('bank'),
      namespace('shop'),
      bank,
      tenant('shop'),
      mesh(trustDomain),
    );
    state = await mkdtemp(join(tmpdir(), 'coffre-state-'));
    address = `127.0.0.1:${await freePort()}`;
    const ports = ['--xds', address, '--evidence', `127.0.0.1:${await freePort()}`];
    const source = ['--kube', await kube.adminKubeconfig(), '--state', state];
    child = spawn(process.execPath, [main, ...source, ...ports], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.stdout === null) throw new Error('it says nothing');
    const serving = Promise.withResolvers<void>();
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      if (line.includes('"serving"')) serving.resolve();
    });
    child.once('exit', () => serving.reject(new Error(lines.join('\n'))));
    await serving.promise;
  }, 120_000);

  afterAll(async () => {
    for (const client of clients) client.stop();
    const ended = child && once(child, 'exit');
    child?.kill('SIGTERM');
    await ended;
    await kube?.close();
    await cluster?.stop();
    await rm(state, { recursive: true, force: true });
  });

  /** A sidecar that keeps coming back. @returns what it holds of its identity, by what happened to its stream. */
  async function sidecarOf(of: Kube, pod: RunningPod): Promise<{ readonly told: string[] }> {
    const told: string[] = [];
    const client = new DeltaClient({
      node: { id: `${pod.namespace}/${pod.name}`, cluster: pod.namespace },
      async connect() {
        const options = { address, serverName: defaultServerDnsName, serverCaPem: rootPem };
        return { client: createGrpcClient(options), metadata: new Map([[tokenHeader, await tokenOf(of, pod)]]) };
      },
      subscriptions: [
        {
          typeUrl: typeUrls.secret,
          initialVersions: () => ({}),
          take({ resources }) {
            if (resources.some(({ name }) => name === 'identity')) told.push('identity');
            return { kind: 'ack' };
          },
        },
      ],
      clock: systemClock,
      random: () => 0,
      observe(event) {
        if (event.kind === 'ended') told.push('ended');
      },
    });
    clients.push(client);
    client.start();
    return { told };
  }

  async function place(of: Kube, { namespace: space, name }: RunningPod, ip: string, phase = 'Running'): Promise<void> {
    const status = JSON.stringify({ status: { phase, podIP: ip, podIPs: [{ ip }] } });
    const patch = ['patch', 'pod', name, '-n', space, '--subresource=status', '--type=merge', '-p', status];
    expect((await of.kubectl(patch)).stderr).toBe('');
  }

  /** The root, as sidecars get it. */
  async function believe(of: Kube): Promise<void> {
    const root = async () => {
      const { body } = await of.request('GET', '/api/v1/namespaces/bank/configmaps/coffre-mesh');
      rootPem = (body as { data?: Record<string, string> }).data?.['root.crt'] ?? '';
      return rootPem;
    };
    await expect.poll(root, { timeout: soonMs }).toContain('CERTIFICATE');
  }

  test('a dedicated pod loses its stream when a stranger lands on its node, and has it back when that has gone', async () => {
    if (kube === undefined) throw new Error('no cluster');
    await believe(kube);
    const ledger = await runPod(kube, 'bank', { name: 'ledger', node: 'n-1' });
    await place(kube, ledger, '10.9.0.1');
    const { told } = await sidecarOf(kube, ledger);
    await expect.poll(() => told.at(-1), { timeout: soonMs }).toBe('identity');

    const stranger = await runPod(kube, 'shop', { name: 'web', node: 'n-1' });
    await expect.poll(() => told.at(-1), { timeout: soonMs }).toBe('ended');
    const problem = () => lines.find((line) => line.includes('shared-node')) ?? '';
    await expect.poll(problem, { timeout: soonMs }).toContain('`bank/ledger` shares the node `n-1` with `shop/web`');
    // It comes back and back, and nobody has an identity for it.
    const ends = told.length;
    await expect.poll(() => told.length, { timeout: soonMs }).toBeGreaterThan(ends + 2);
    expect(new Set(told.slice(ends))).toEqual(new Set(['ended']));

    await place(kube, stranger, '10.9.0.2', 'Succeeded');
    await expect.poll(() => told.at(-1), { timeout: soonMs }).toBe('identity');
  });

  test('a pod whose image can be moved has no identity until it names the bytes that it runs', async () => {
    if (kube === undefined) throw new Error('no cluster');
    await believe(kube);
    const pod = await runPod(kube, 'gallery', { name: 'wall' });
    await place(kube, pod, '10.9.1.1');
    const { told } = await sidecarOf(kube, pod);
    const problem = () => lines.find((line) => line.includes('image-not-allowed')) ?? '';
    await expect.poll(problem, { timeout: soonMs }).toContain('`app` runs `registry.example/app:1`');
    await expect.poll(() => told.length, { timeout: soonMs }).toBeGreaterThan(1);
    expect(new Set(told)).toEqual(new Set(['ended']));

    const image = `app=registry.example/app@sha256:${'a'.repeat(64)}`;
    expect((await kube.kubectl(['set', 'image', '-n', 'gallery', `pod/${pod.name}`, image])).stderr).toBe('');
    await expect.poll(() => told.at(-1), { timeout: soonMs }).toBe('identity');
  });
});
