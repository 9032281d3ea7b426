/**
 * A real API server and its etcd on free ports of loopback, with an authority of their own, ready to be asked.
 *
 *   authority, keys, tokens ──▶ folder ──▶ etcd ──▶ kube-apiserver ──/readyz──▶ Cluster
 *
 * There is no kubelet and no scheduler: a pod is an object, and whoever wants it to run plays the kubelet.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../fixtures/free-port.ts';
import { issue, makeAuthority, makeTokenKeys, type PemPair } from './certificates.ts';
import type { Cluster } from './cluster.ts';
import { connectKube } from './kube.ts';
import { type ClusterProcess, startProcess } from './process.ts';

export interface RunningCluster extends Cluster {
  /** Stops both, lets `between` do what it likes with the folder, and starts them again at the same address. */
  restart(between: () => Promise<void>): Promise<void>;
  /** Ends the API server alone, or lets it stand still with its connections open, until `meanwhile` is over. */
  without(how: Outage, meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export type Outage = 'stopped' | 'stalled';

export interface KubeOptions {
  /** Of services' addresses. */
  readonly serviceRange?: string;
  /** By which clients know it beside loopback: its own service's. */
  readonly addresses?: readonly string[];
  /** Whether every pod gets its service account and a token: somebody must make the accounts then, see `startControllers`. */
  readonly accounts?: boolean;
  /** Whether it reaches services through whoever listens at `servicesSocket`, and in no other way. */
  readonly services?: boolean;
}

/** Where the API server dials what has a service's address: HTTP CONNECT over a Unix socket. */
export function servicesSocket({ folder }: Pick<Cluster, 'folder'>): string {
  return join(folder, 'services.sock');
}

/** Longest wait until the API server is ready, in ms: 3 s on a machine that is free. */
const readyMaxMs = 120_000;
/** Between two looks, in ms. */
const lookMs = 100;
const loopback = '127.0.0.1';
const adminToken = 'token-of-the-admin';
/** As kubeadm calls an API server where it asks somebody else. */
const frontName = 'front-proxy-client';

export async function startKube(options: KubeOptions = {}): Promise<RunningCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'coffre-kube-'));
  let started: ClusterProcess[] = [];
  const halt = async () => {
    for (const each of started.toReversed()) await each.stop();
  };
  const stop = async () => {
    await halt();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const authority = await writeKeys(folder, options);
    const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
    const cluster: Cluster = { url: `https://${loopback}:${port}`, folder, authority, adminToken };
    const startApiServer = () => startProcess('kube-apiserver', apiServerArgs(folder, etcdPort, port, options), folder);
    const start = () => {
      started = [startProcess('etcd', etcdArgs(folder, etcdPort, peerPort), folder), startApiServer()];
      return untilReady(cluster, started);
    };
    const restart = async (between: () => Promise<void>) => {
      await halt();
      await between();
      await start();
    };
    const without = async (how: Outage, meanwhile: () => Promise<void>) => {
      const apiServer = started.pop();
      if (apiServer === undefined) throw new Error('the API server does not run');
      if (how === 'stopped') await apiServer.stop();
      else apiServer.signal('SIGSTOP');
      try {
        await meanwhile();
      } finally {
        if (how === 'stalled') apiServer.signal('SIGCONT');
        started.push(how === 'stopped' ? startApiServer() : apiServer);
        await untilReady(cluster, started);
      }
    };
    await start();
    return { ...cluster, restart, without, stop };
  } catch (error) {
    const words = started.map(({ name, tail }) => `${name}:\n${tail()}`).join('\n');
    await stop();
    throw new Error(`the cluster did not start; the end of its logs:\n${words}`, { cause: error });
  }
}

/** @returns the authority's certificate. */
async function writeKeys(folder: string, { addresses = [] }: KubeOptions): Promise<string> {
  const authority = await makeAuthority('cluster of the tests');
  const server = await issue(authority, { name: 'kube-apiserver' }, [loopback, ...addresses]);
  const fronts = await makeAuthority('front proxies of the tests');
  const front = await issue(fronts, { name: frontName });
  const tokens = makeTokenKeys();
  const files = {
    'ca.crt': authority.certificate,
    'ca.key': authority.key,
    'server.crt': server.certificate,
    'server.key': server.key,
    'sa.pub': tokens.publicKey,
    'sa.key': tokens.privateKey,
    'front-ca.crt': fronts.certificate,
    'webhooks.kubeconfig': JSON.stringify(frontKubeconfig(front)),
    'admission.json': JSON.stringify(admission(join(folder, 'webhooks.kubeconfig'))),
    'egress.json': JSON.stringify(egress(servicesSocket({ folder }))),
    'tokens.csv': `${adminToken},admin,admin,"system:masters"\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  return authority.certificate;
}

/** By a certificate of its own it asks webhooks, so that they know it for an API server. */
function frontKubeconfig({ certificate, key }: PemPair): object {
  const user = {
    'client-certificate-data': Buffer.from(certificate).toString('base64'),
    'client-key-data': Buffer.from(key).toString('base64'),
  };
  return { apiVersion: 'v1', kind: 'Config', users: [{ name: '*', user }] };
}

function admission(kubeConfigFile: string): object {
  const apiVersion = 'apiserver.config.k8s.io/v1';
  const configuration = { apiVersion, kind: 'WebhookAdmissionConfiguration', kubeConfigFile };
  const plugins = ['ValidatingAdmissionWebhook', 'MutatingAdmissionWebhook'].map((name) => ({ name, configuration }));
  return { apiVersion, kind: 'AdmissionConfiguration', plugins };
}

/** An API server's own way to a network that it is no part of. */
function egress(udsName: string): object {
  const connection = { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName } } };
  const egressSelections = [{ name: 'cluster', connection }];
  return { apiVersion: 'apiserver.k8s.io/v1beta1', kind: 'EgressSelectorConfiguration', egressSelections };
}

function etcdArgs(folder: string, port: number, peerPort: number): string[] {
  const [client, peer] = [`http://${loopback}:${port}`, `http://${loopback}:${peerPort}`];
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ];
}

function apiServerArgs(folder: string, etcdPort: number, port: number, options: KubeOptions): string[] {
  const { serviceRange = '10.96.0.0/16', accounts = false, services = false } = options;
  const file = (name: string) => join(folder, name);
  return [
    `--etcd-servers=http://${loopback}:${etcdPort}`,
    `--bind-address=${loopback}`,
    `--advertise-address=${loopback}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--token-auth-file=${file('tokens.csv')}`,
    `--requestheader-client-ca-file=${file('front-ca.crt')}`,
    `--requestheader-allowed-names=${frontName}`,
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--admission-control-config-file=${file('admission.json')}`,
    ...(services ? [`--egress-selector-config-file=${file('egress.json')}`] : []),
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    `--service-cluster-ip-range=${serviceRange}`,
    '--authorization-mode=RBAC',
    '--anonymous-auth=false',
    '--endpoint-reconciler-type=none',
    // It would refuse every pod whose service account no controller has made yet.
    ...(accounts ? [] : ['--disable-admission-plugins=ServiceAccount']),
    '--allow-privileged=true',
    // Alpha, and off: without it a claim that names a source in another namespace is silently cut short.
    '--feature-gates=CrossNamespaceVolumeDataSource=true',
    '--profiling=false',
    '--enable-priority-and-fairness=false',
  ];
}

async function untilReady(cluster: Cluster, processes: readonly ClusterProcess[]): Promise<void> {
  const kube = connectKube(cluster);
  try {
    const signal = AbortSignal.timeout(readyMaxMs);
    for (;;) {
      for (const each of processes) each.assertAlive();
      const ready = await kube.request('GET', '/readyz').then(
        ({ status }) => status === 200,
        () => false,
      );
      if (ready) return;
      await sleep(lookMs, undefined, { signal });
    }
  } finally {
    await kube.close();
  }
}
