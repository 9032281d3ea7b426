/**
 * Coffre installed into a cluster in which pods run, as its users do it: `coffre install`, then `kubectl apply`.
 *
 *   values ──coffre install──▶ StatefulSet coffre, Deployment coffre-authz ──kubelet of the tests──▶ pods that serve
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll } from 'vitest';
import { stringify } from 'yaml';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { restricted } from '../inject/settings.ts';
import { type ClusterInTest, whereWholeCluster } from '../kubelet/whole-cluster-test.ts';

export interface Installed extends ClusterInTest {
  /** A namespace that is a tenant, and what is in it. */
  newTenant(name: string, ...objects: readonly object[]): Promise<void>;
  /** What an application of a pod is answered. @param pod `namespace/name`. */
  ask(pod: string, url: string): Promise<Asked>;
}

export interface Asked {
  /** 0 where there was no answer. */
  readonly status: number;
  /** Of the decision, where somebody refused. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Longest wait for the installation, in s: it takes some fifteen. */
const installMaxSeconds = 180;
/** Longest that one question is waited for, in s. */
const askMaxSeconds = 5;

const checkout = join(import.meta.dirname, '../../..');
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
export const values = {
  trustDomain: 'mesh.example',
  images: {
    coffre: `registry.example/coffre:1@${digest('c')}`,
    redirect: `registry.example/coffre-redirect:1@${digest('d')}`,
    envoy: `registry.example/envoy:1@${digest('e')}`,
  },
  // No storage is provisioned here.
  evidence: { kind: 'ephemeral' },
};

export function whereInstalled(name: string, tests: (installed: Installed) => void): void {
  whereWholeCluster(name, (within) => {
    beforeAll(async () => {
      await within.apply(dnsService);
      const { kube } = within.cluster();
      const file = join(kube.folder, 'values.yaml');
      await writeFile(file, stringify(values));
      await install([
        '-f',
        file,
        '--kubeconfig',
        await kube.adminKubeconfig(),
        '--timeout',
        String(installMaxSeconds),
      ]).catch((error: unknown) => {
        console.error(within.cluster().kubelet().words());
        throw error;
      });
    });

    async function newTenant(tenant: string, ...objects: readonly object[]): Promise<void> {
      await within.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: tenant } });
      await within.apply(tenantOf(tenant));
      await within.apply(...objects);
    }

    async function ask(pod: string, url: string): Promise<Asked> {
      const argv = ['curl', '-s', '-i', '-m', String(askMaxSeconds), url];
      const { stdout } = await within.cluster().kubelet().container(pod, 'app').exec(argv);
      const [head = '', ...body] = stdout.split('\r\n\r\n');
      const [line = '', ...lines] = head.split('\r\n');
      const headers = lines.map((each) => each.split(': ', 2) as [string, string]);
      return { status: Number(line.split(' ')[1] ?? 0), headers: Object.fromEntries(headers), body: body.join('') };
    }

    tests({ ...within, newTenant, ask });
  });
}

/** Where sidecars let names be asked; nobody answers there. */
const dnsService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kube-dns', namespace: 'kube-system' },
  spec: { ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
};

function tenantOf(name: string): object {
  const spec = { environment: 'prod', defaultAccess: 'sameTenant' };
  return { apiVersion: 'coffre.dev/v1alpha1', kind: 'Tenant', metadata: { name }, spec };
}

/** A pod that serves HTTP under its name, its service account, and its Service. @param change of its container. */
export function application(namespace: string, name: string, change: object = {}): readonly object[] {
  const labels = { app: name };
  const metadata = { namespace, name };
  const app = {
    name: 'app',
    image: 'registry.example/lab-app:1',
    args: ['--service', name, '--listen', 'http:8080'],
    ports: [{ containerPort: 8_080 }],
    readinessProbe: { httpGet: { path: '/status/200', port: 8_080 }, periodSeconds: 1, failureThreshold: 1 },
    securityContext: restricted,
    ...change,
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels },
      spec: { serviceAccountName: name, terminationGracePeriodSeconds: 1, containers: [app] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8_080 }] },
    },
  ];
}

function install(args: readonly string[]): Promise<string> {
  const argv = [join(checkout, 'src/cli/main.ts'), 'install', ...args];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, { cwd: checkout }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`coffre install of ${systemNamespace}: ${stdout.slice(-2_000)}${stderr}`));
    });
  });
}
