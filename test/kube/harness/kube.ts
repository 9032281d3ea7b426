/** The ways a test asks the API server: by HTTP, by `kubectl`, as the admin or as somebody with a certificate. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'undici';
import { stringify } from 'yaml';
import { issue, loadAuthority } from './certificates.ts';
import { type Cluster, programPath } from './cluster.ts';

export interface Answer {
  readonly status: number;
  /** Parsed where it is JSON, else as text. */
  readonly body: unknown;
}

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Somebody other than the admin. */
export interface User {
  readonly name: string;
  /** Path of what `kubectl` needs to speak for them. */
  readonly kubeconfig: string;
}

export interface Kube extends Cluster {
  /** @param headers beside those by which it is the admin. */
  request(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** @param options `as` whom, the admin by default; `input` for its standard input. Never rejects over an exit code. */
  kubectl(args: readonly string[], options?: { readonly as?: User; readonly input?: string }): Promise<Said>;
  /** A namespace that nobody else of the run has. */
  newNamespace(prefix?: string): Promise<string>;
  /** Known by certificate, allowed nothing until RBAC says so. */
  newUser(name: string, groups?: readonly string[]): Promise<User>;
  /** Path of what a program needs to speak as the admin. */
  adminKubeconfig(): Promise<string>;
  close(): Promise<void>;
}

/** Requests under way at once: a server on the same two cores has no use for more. */
const connections = 8;
/** Longest wait for one `kubectl`, in ms. */
const kubectlMaxMs = 60_000;
/** Most output of one `kubectl`, in bytes. */
const outputMax = 64 * 1_024 * 1_024;

export function connectKube(cluster: Cluster): Kube {
  const { url, folder, authority, adminToken } = cluster;
  const pool = new Pool(url, { connections, connect: { ca: authority } });
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  const request: Kube['request'] = async (method, path, body, more) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await pool.request({ method, path, headers: { ...headers, ...more }, ...sent });
    const text = await answer.body.text();
    const isJson = String(answer.headers['content-type']).startsWith('application/json');
    return { status: answer.statusCode, body: isJson ? JSON.parse(text) : text };
  };
  return {
    ...cluster,
    request,
    async kubectl(args, { as, input } = {}) {
      const kubeconfig = as?.kubeconfig ?? (await adminKubeconfig(cluster));
      return run(
        programPath('kubectl'),
        [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(folder, 'cache')}`, ...args],
        input,
      );
    },
    async newNamespace(prefix = 'test') {
      const name = `${prefix}-${randomUUID().slice(0, 8)}`;
      const { status, body } = await request('POST', '/api/v1/namespaces', { metadata: { name } });
      if (status !== 201) throw new Error(`the namespace \`${name}\` could not be made: ${JSON.stringify(body)}`);
      return name;
    },
    async newUser(name, groups = []) {
      const { certificate, key } = await issue(await loadAuthority(folder), { name, groups });
      const credentials = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
      const kubeconfig = join(folder, `${randomUUID()}.kubeconfig`);
      await writeKubeconfig(kubeconfig, cluster, credentials);
      return { name, kubeconfig };
    },
    adminKubeconfig: () => adminKubeconfig(cluster),
    close: () => pool.close(),
  };
}

/** Written at first use, and the same for everybody. */
async function adminKubeconfig(cluster: Cluster): Promise<string> {
  const path = join(cluster.folder, 'admin.kubeconfig');
  if (!existsSync(path)) await writeKubeconfig(path, cluster, { token: cluster.adminToken });
  return path;
}

async function writeKubeconfig(path: string, { url, authority }: Cluster, user: object): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(authority) } }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function run(program: string, args: readonly string[], input?: string): Promise<Said> {
  return new Promise((resolve, reject) => {
    const options = { timeout: kubectlMaxMs, maxBuffer: outputMax };
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = child.exitCode;
      if (code === null) reject(error ?? new Error(`\`${program}\` did not end`));
      else resolve({ code, stdout, stderr });
    });
    child.stdin?.end(input ?? '');
  });
}
