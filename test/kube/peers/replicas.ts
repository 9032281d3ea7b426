/**
 * Replicas of the control plane as processes of their own on one API server, and real sidecars on either of them.
 *
 *   API server ◀── Lease, objects ── replica-0, replica-1 ◀──ADS── Envoys, each pinned to one of them by its bootstrap
 *
 * Everything listens on loopback: a replica has an address of its own, and so has a pod, whose capture is explicit. The
 * test plays the kubelet: it writes what a pod is and where, fetches its token, and starts its Envoy.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRecords } from '../../../src/compose/open-records.ts';
import { evidencePort } from '../../../src/config.ts';
import { bootstrapFor } from '../../../src/envoy/bootstrap.ts';
import { drillLayer } from '../../../src/envoy/names.ts';
import { defaultServerDnsName } from '../../../src/identity/authority.ts';
import { readIssuer } from '../../../src/identity/issuer-store.io.ts';
import { rootSds, sdsFileNames, tokenSds } from '../../../src/identity/sds-files.ts';
import { runtimeLayers } from '../../../src/inspect/runtime-layer.ts';
import { injectPod } from '../../../src/kube/inject/inject-pod.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import { DrillControl } from '../../../src/lab/drill-control.ts';
import { tokenOf } from '../attest/attesting.ts';
import type { Kube } from '../harness/kube.ts';
import { account } from '../inform/cluster-objects.ts';
import { restricted, settings } from '../inject/settings.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
const envoy = join(import.meta.dirname, '../../../.cache/envoy/envoy/_bin/envoy');
const xdsPort = 15_012;
const peersPort = 15_018;
const applicationPort = 8_080;
/** Longest wait for anything, in ms. */
export const longMs = 60_000;

/** Second octets below those that labs choose from. */
const octets = { first: 2, last: 63 };

/** Between two looks, in ms. */
const lookMs = 100;

/** @throws where it does not hold after `longMs`, with the end of what was seen last. */
export async function until(
  what: string,
  look: () => Promise<string>,
  holds: (seen: string) => boolean,
): Promise<void> {
  const deadline = performance.now() + longMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return;
    if (performance.now() > deadline) throw new Error(`${what}: not after ${longMs} ms; ${seen.slice(-2_000)}`);
    await sleep(lookMs);
  }
}

export class Replica {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly #kubeconfig: string;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #said = '';

  constructor(name: string, address: string, folder: string, kubeconfig: string) {
    this.name = name;
    this.address = address;
    this.state = join(folder, name);
    this.#kubeconfig = kubeconfig;
    this.#log = createWriteStream(join(folder, `${name}.log`));
  }

  /** Resolves once it serves. */
  async start(): Promise<void> {
    const { name, address, state } = this;
    this.#said = '';
    const flags = { kube: this.#kubeconfig, state, replica: name, xds: `${address}:${xdsPort}` };
    const more = { evidence: `${address}:${evidencePort}`, peers: `${address}:${peersPort}` };
    const args = Object.entries({ ...flags, ...more }).flatMap(([flag, value]) => [`--${flag}`, value]);
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', process.execPath, main, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString('utf8');
      this.#log.write(chunk);
    });
    await this.says('"msg":"serving"');
  }

  /** Since it last started. */
  async says(text: string): Promise<void> {
    await until(
      `${this.name} says ${text}`,
      async () => this.#said,
      (said) => said.includes(text),
    );
  }

  get drills(): DrillControl {
    return new DrillControl(this.state);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

export interface Pod {
  readonly key: string;
  /** Where others reach it, and behind its sidecar its application. */
  readonly address: string;
  readonly applicationAddress: string;
  /** Where its application dials the one service that it calls; absent: it calls none. */
  readonly dials: string | undefined;
}

interface Sidecar {
  readonly pod: Pod;
  readonly socket: string;
  readonly child: ChildProcess;
}

export class Replicas {
  readonly kube: Kube;
  readonly all: readonly [Replica, Replica];
  readonly folder: string;
  readonly #octet: number;
  readonly #sidecars = new Map<string, Sidecar>();

  static async prepare(kube: Kube): Promise<Replicas> {
    return new Replicas(kube, await mkdtemp(join(tmpdir(), 'cr-')), await kube.adminKubeconfig());
  }

  private constructor(kube: Kube, folder: string, kubeconfig: string) {
    this.kube = kube;
    this.folder = folder;
    this.#octet = randomInt(octets.first, octets.last + 1);
    const replica = (index: number) => new Replica(`replica-${index}`, this.at(0, 10 + index), folder, kubeconfig);
    this.all = [replica(0), replica(1)];
  }

  /** An address of this world. */
  at(third: number, fourth: number): string {
    return `127.${this.#octet}.${third}.${fourth}`;
  }

  /** The first leads, as it is there first. */
  async start(): Promise<void> {
    const [first, second] = this.all;
    await first.start();
    await first.says('"msg":"this replica leads"');
    await second.start();
    await second.says('"msg":"this replica follows the leader"');
  }

  /** A pod that runs and is ready, with its sidecar on one of the replicas. @param index unique. */
  async run(replica: Replica, name: string, index: number, dials?: string): Promise<Pod> {
    const [serviceAccount = ''] = name.split('-');
    const address = this.at(1, index);
    const pod = { key: `shop/${name}`, address, applicationAddress: this.at(65, index), dials };
    const token = await this.#place(pod, name, serviceAccount);
    await this.#startEnvoy(replica, pod, token);
    return pod;
  }

  /** Keys of drills in the runtime of its Envoy. */
  async struck(key: string): Promise<readonly string[]> {
    const text = await this.#admin(key, '/runtime');
    return [...(runtimeLayers(text)?.get(drillLayer)?.keys() ?? ['no drill layer'])];
  }

  async close(): Promise<void> {
    for (const { child } of this.#sidecars.values()) child.kill('SIGKILL');
    for (const replica of this.all) {
      replica.signal('SIGCONT');
      await replica.kill();
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** @returns its token. */
  async #place(pod: Pod, name: string, serviceAccount: string): Promise<string> {
    const { kube } = this;
    const node = 'node-of-shop';
    await kube.request('POST', '/api/v1/nodes', { metadata: { name: node } });
    await kube.request('POST', '/api/v1/namespaces/shop/serviceaccounts', account('shop', serviceAccount));
    const annotations = {
      'coffre.dev/capture': 'explicit',
      'coffre.dev/application-address': pod.applicationAddress,
      ...(pod.dials === undefined ? {} : { 'coffre.dev/outbound-addresses': `shop/api=${pod.dials}` }),
    };
    const app = { name: 'app', image: 'registry.example/app:1', securityContext: restricted };
    const containers = [{ ...app, ports: [{ containerPort: applicationPort }] }];
    const spec = {
      serviceAccountName: serviceAccount,
      automountServiceAccountToken: false,
      nodeName: node,
      containers,
    };
    const injection = injectPod({ metadata: { name, labels: { app: serviceAccount } }, spec }, settings, {
      namespace: 'shop',
      tenant: 'shop',
      sidecarUser: 1_900_000_007,
    });
    if (injection.kind !== 'injected') throw new Error(JSON.stringify(injection));
    const path = '/api/v1/namespaces/shop/pods';
    const made = await kube.request('POST', path, injection.pod);
    if (made.status !== 201) throw new Error(JSON.stringify(made.body));
    const { metadata } = made.body as { metadata: { uid: string; annotations?: object } };
    // What redirects is not here: the sidecar binds the addresses itself, which injection does not know of.
    const explicit = { ...metadata, annotations: { ...metadata.annotations, ...annotations } };
    const said = await kube.request('PUT', `${path}/${name}`, { ...(made.body as object), metadata: explicit });
    if (said.status !== 200) throw new Error(JSON.stringify(said.body));
    const conditions = [{ type: 'Ready', status: 'True' }];
    const status = { phase: 'Running', podIP: pod.address, podIPs: [{ ip: pod.address }], conditions };
    const ready = await kube.request('PUT', `${path}/${name}/status`, { ...(said.body as object), status });
    if (ready.status !== 200) throw new Error(JSON.stringify(ready.body));
    return tokenOf(kube, { namespace: 'shop', name, uid: metadata.uid, node }, { serviceAccount });
  }

  async #startEnvoy(replica: Replica, pod: Pod, token: string): Promise<void> {
    const folder = join(this.folder, 'w', pod.key);
    const secrets = join(folder, 'secrets');
    await mkdir(secrets, { recursive: true });
    const [rootFile, tokenFile] = [join(secrets, 'root.crt'), join(secrets, 'token')];
    const [rootSdsFile, tokenSdsFile] = [join(folder, sdsFileNames.root), join(folder, sdsFileNames.token)];
    const socket = join(folder, 'admin.sock');
    await writeFile(rootFile, await this.#root());
    await writeFile(tokenFile, token);
    await writeFile(rootSdsFile, rootSds(rootFile, secrets));
    await writeFile(tokenSdsFile, tokenSds(tokenFile));
    const bootstrap = bootstrapFor({
      ...{ nodeId: pod.key, nodeCluster: 'shop', serverName: defaultServerDnsName, adminSocket: socket },
      controlPlane: { address: replica.address, port: xdsPort },
      files: { rootSds: rootSdsFile, tokenSds: tokenSdsFile, watched: secrets },
      bypass: { kind: 'user' },
    });
    await writeFile(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap));
    const flags = ['--disable-hot-restart', '--concurrency', '1', '--drain-time-s', '1', '--log-level', 'warn'];
    const logs = ['--log-path', join(folder, 'envoy.log')];
    const argv = ['--pdeathsig', 'KILL', '--', envoy, '-c', join(folder, 'bootstrap.json'), ...flags, ...logs];
    const child = spawn('setpriv', argv, { stdio: 'ignore' });
    this.#sidecars.set(pod.key, { pod, socket, child });
    const ready = () => this.#admin(pod.key, '/ready').catch(String);
    await until(`${pod.key} is live`, ready, (said) => said.includes('LIVE'));
  }

  /** As the replicas keep it, for all of them. */
  async #root(): Promise<string> {
    const client = openKubeClient({ kind: 'kubeconfig', file: await this.kube.adminKubeconfig() });
    const { records, close } = await openRecords({
      config: { state: this.folder, stateKeyFile: undefined },
      cluster: client,
      signal: new AbortController().signal,
      log: console,
    });
    try {
      return (await readIssuer(records, 'root'))?.certificate.pem ?? '';
    } finally {
      close();
      await client.close();
    }
  }

  #admin(key: string, path: string): Promise<string> {
    const sidecar = this.#sidecars.get(key);
    if (sidecar === undefined) throw new Error(`no sidecar \`${key}\``);
    return new Promise((resolve, reject) => {
      const asked = httpRequest({ socketPath: sidecar.socket, path, timeout: 5_000 }, (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve(text));
      });
      asked.on('error', reject);
      asked.end();
    });
  }
}
