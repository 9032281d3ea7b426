/**
 * The scheduler and the kubelet of the tests: every pod that the API server has runs, and none that it has not.
 *
 *   pods ──bind──▶ node ──PodWorker──▶ namespaces, processes ──status──▶ API server ──▶ endpoints
 *
 * It is what an API server of the tests lacks, and no more: one node, no limits of resources, no image is pulled.
 */
import { join } from 'node:path';
import type { Kube } from '../harness/kube.ts';
import type { Container } from './container.ts';
import type { Facts } from './environment.ts';
import { follow } from './follow.ts';
import type { Bind } from './image.ts';
import { kubeReader } from './kube-reader.ts';
import type { NodeNetwork } from './node-network.ts';
import { keyOf, type PodObject } from './pod-spec.ts';
import { PodWorker } from './pod-worker.ts';

export interface KubeletOf {
  readonly kube: Kube;
  readonly network: NodeNetwork;
  /** Of the machine, emptied by whoever gave it. */
  readonly folder: string;
  readonly etc: readonly Bind[];
  readonly apiService: Facts['apiService'];
}

export interface Kubelet {
  /** @param pod `namespace/name`. @throws where it does not run. */
  container(pod: string, name: string): Container;
  /** Kills all processes of a pod with SIGKILL. They are started again, unless somebody deletes the pod. */
  kill(pod: string): void;
  /** What each container has said last, for whoever looks at a test that failed. */
  words(): string;
  /** All of the node's processes and networks at once, and the kubelet itself: as when the power goes. */
  crash(): Promise<void>;
}

/** The one node; whoever asks for another by name gets it, too. */
export const nodeName = 'node-0';
/** Tries of one write that others' writes come before. */
const triesMax = 10;

interface Running {
  readonly uid: string;
  readonly worker: PodWorker;
  /** Resolves when nothing is left of it. */
  ending?: Promise<void>;
  /** What the API server was told last. */
  told: string;
  telling: Promise<void>;
}

/** Annotation of a test's pod that is to have the address of a former one. */
export const addressAnnotation = 'test.coffre.dev/address';

export function startKubelet(of: KubeletOf): Kubelet {
  const { kube, network, folder } = of;
  const reader = kubeReader(kube, nodeName);
  const running = new Map<string, Running>();
  const bound = new Set<string>();
  let isCrashed = false;

  const path = ({ metadata }: PodObject) => `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;

  function look(): void {
    if (isCrashed) return;
    for (const pod of pods.items.values()) {
      // An API server that is away is asked again at the next look, which its return brings.
      if (pod.spec.nodeName === undefined) bind(pod).catch(() => bound.delete(pod.metadata.uid));
      else if (pod.metadata.deletionTimestamp !== undefined) end(pod).catch(() => undefined);
      else begin(pod);
    }
    for (const [key, { uid, worker }] of running) {
      // Deleted by force: nobody waits for its end.
      if (pods.items.get(key)?.metadata.uid !== uid) void endOf(key, worker, 0);
    }
  }

  async function bind(pod: PodObject): Promise<void> {
    if (bound.has(pod.metadata.uid)) return;
    bound.add(pod.metadata.uid);
    const { status } = await kube.request('POST', `${path(pod)}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: pod.metadata.name },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    });
    if (status !== 201) bound.delete(pod.metadata.uid);
  }

  function begin(pod: PodObject): void {
    const key = keyOf(pod);
    if (running.has(key)) return;
    const { uid, annotations } = pod.metadata;
    const worker = new PodWorker({
      ...of,
      ...{ pod, kube: reader, hostIp: network.address, folder: join(folder, uid) },
      addNetwork: () => network.addPod(annotations?.[addressAnnotation]),
      changed: () => queueMicrotask(() => tell(key)),
    });
    running.set(key, { uid, worker, told: '', telling: Promise.resolve() });
  }

  function tell(key: string): void {
    const pod = running.get(key);
    if (pod === undefined || isCrashed) return;
    pod.telling = pod.telling.then(() => writeStatus(key, pod)).catch(() => undefined);
  }

  /** The newest, whatever it was when somebody asked for it. */
  async function writeStatus(key: string, pod: Running): Promise<void> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const status = pod.worker.status();
      const text = JSON.stringify(status);
      const known = pods.items.get(key);
      if (isCrashed || status === undefined || text === pod.told || known?.metadata.uid !== pod.uid) return;
      const { status: code, body } = await kube.request('GET', path(known));
      if (code !== 200 || (body as PodObject).metadata.uid !== pod.uid) return;
      const answer = await kube.request('PUT', `${path(known)}/status`, { ...(body as PodObject), status });
      if (answer.status === 200) pod.told = text;
      else if (answer.status !== 409) throw new Error(`the status of \`${key}\`: ${JSON.stringify(answer.body)}`);
    }
  }

  async function end(pod: PodObject): Promise<void> {
    const key = keyOf(pod);
    const known = running.get(key);
    if (known?.ending !== undefined) return;
    if (known !== undefined) await endOf(key, known.worker, pod.metadata.deletionGracePeriodSeconds);
    const { uid } = pod.metadata;
    const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
    await kube.request('DELETE', path(pod), options);
  }

  function endOf(key: string, worker: PodWorker, graceSeconds?: number): Promise<void> {
    const known = running.get(key);
    if (known === undefined) return Promise.resolve();
    known.ending ??= worker.stop(graceSeconds).finally(() => {
      running.delete(key);
      look();
    });
    return known.ending;
  }

  function workerOf(key: string): PodWorker {
    const worker = running.get(key)?.worker;
    if (worker === undefined) throw new Error(`no pod \`${key}\` runs; there are ${[...running.keys()].join(', ')}`);
    return worker;
  }

  const pods = follow<PodObject>(kube, '/api/v1/pods', look);
  return {
    container: (key, name) => workerOf(key).container(name),
    kill: (key) => workerOf(key).kill(),
    words: () => [...running].map(([key, { worker }]) => `${key}: ${worker.words()}`).join('\n'),
    async crash() {
      isCrashed = true;
      await pods.close();
      const all = [...running.values()];
      for (const { worker } of all) worker.kill();
      await Promise.all(all.map(({ worker }) => worker.stop(0)));
      await Promise.all(all.map(({ telling }) => telling));
    },
  };
}
