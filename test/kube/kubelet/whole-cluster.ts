/**
 * A cluster in which pods run: API server, controllers, one node with its network, service proxy, scheduler and kubelet.
 *
 *   kubectl ──▶ API server ◀──▶ controllers                      pods ──service addresses──▶ pods, API server
 *                    ▲──────── kubelet ──▶ namespaces, processes
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectKube, type Kube } from '../harness/kube.ts';
import { allowNodes } from '../harness/nodes.ts';
import { startControllers } from '../harness/start-controllers.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';
import { type Kubelet, nodeName, startKubelet } from './kubelet.ts';
import { makeNodeNetwork, type NodeNetwork } from './node-network.ts';
import { startServiceProxy } from './service-proxy.ts';

export interface WholeCluster {
  readonly kube: Kube;
  readonly network: NodeNetwork;
  /** The one that runs now: another after a restart of everything. */
  kubelet(): Kubelet;
  /** All processes of all pods at once, then etcd and the API server; then everything is started as it was found. */
  restartEverything(): Promise<void>;
  /** The API server alone is away; everything else, its etcd as well, runs on. */
  readonly withoutApiServer: RunningCluster['without'];
  close(): Promise<void>;
}

/** Those that make pods of templates. */
const workloadControllers = ['deployment-controller', 'replicaset-controller', 'statefulset-controller'];
const apiPort = 443;

export async function startWholeCluster(): Promise<WholeCluster> {
  /** Last begun, first ended. */
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    return { ...(await start()), close };
  } catch (error) {
    await close();
    throw error;
  }

  async function start(): Promise<Omit<WholeCluster, 'close'>> {
    const network = await makeNodeNetwork();
    closers.push(network.close);
    const { serviceRange, apiService } = network;
    const cluster = await startKube({ serviceRange, addresses: [apiService], accounts: true });
    closers.push(cluster.stop);
    const kube = connectKube(cluster);
    closers.push(kube.close);
    closers.push(await startControllers(kube, workloadControllers));
    await registerNode(kube);
    await allowNodes(kube);
    await publishApi(kube, network);
    const folder = await mkdtemp(join(tmpdir(), 'coffre-node-'));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const etc = await writeEtc(folder);
    const begin = () =>
      startKubelet({
        ...{ kube, network, folder, etc: etc.binds },
        apiService: { address: apiService, port: apiPort },
      });
    const proxy = startServiceProxy(kube, network, etc.named);
    closers.push(proxy.close);
    let kubelet = begin();
    closers.push(() => kubelet.crash());
    return {
      kube,
      network,
      kubelet: () => kubelet,
      withoutApiServer: cluster.without,
      async restartEverything() {
        await kubelet.crash();
        await cluster.restart(async () => {});
        kubelet = begin();
      },
    };
  }
}

/** Without it the controller of endpoints passes over the pods of the node. */
async function registerNode(kube: Kube): Promise<void> {
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName } };
  const { status, body } = await kube.request('POST', '/api/v1/nodes', node);
  if (status !== 201) throw new Error(JSON.stringify(body));
}

/** The API server writes no endpoint of its own here, and listens where no pod comes. */
async function publishApi(kube: Kube, network: NodeNetwork): Promise<void> {
  const port = await network.relay(Number(new URL(kube.url).port));
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port, protocol: 'TCP' }],
    endpoints: [{ addresses: [network.address], conditions: { ready: true } }],
  };
  const { status, body } = await kube.request(
    'POST',
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
    slice,
  );
  if (status !== 201) throw new Error(JSON.stringify(body));
}

/** Written in place, never renamed over: running containers hold these very files. */
async function writeEtc(folder: string) {
  const [hosts, resolv] = [join(folder, 'hosts'), join(folder, 'resolv.conf')];
  await writeFile(hosts, '127.0.0.1 localhost\n');
  await writeFile(resolv, 'options timeout:1 attempts:1\n');
  let inForce = '';
  return {
    binds: [
      { from: hosts, to: '/etc/hosts', isReadOnly: true },
      { from: resolv, to: '/etc/resolv.conf', isReadOnly: true },
    ],
    named(text: string) {
      if (text === inForce) return;
      inForce = text;
      // In one write, and cut to its length behind it: whoever reads meanwhile finds every name that stays.
      const file = openSync(hosts, 'r+');
      writeSync(file, text, 0);
      ftruncateSync(file, Buffer.byteLength(text));
      closeSync(file);
    },
  };
}
