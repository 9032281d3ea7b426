/**
 * A small mesh whose every eye is open: the command line, a SIEM's file and a real Prometheus look at what happens in it.
 *
 *   shop   web-0 ─▶ api-0 (http, tcp; nobody may ask /admin)      bank   desk-0 ──grants──▶ shop/api, archive/files
 *   archive   files-0                                            outside   stranger-0: of no mesh
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import type { StoredEvent } from '../../src/evidence/store.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { type CurlAnswer, parseCurl } from '../../src/lab/demo/curl-answer.ts';
import { MeshLab, type MeshLabOptions } from '../../src/lab/mesh-lab.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import type { OcsfRecord } from '../../src/siem/ocsf-record.ts';
import { drillText } from './drills-mesh.ts';
import { documents, meshFolder, podText, removeFolder, serviceText } from './mesh-folder.ts';
import { prometheusArgv, type Sample, samplesOf } from './prometheus.ts';
import { jsonLines } from './steady.ts';
import { Stranger } from './stranger.ts';
import { consentText, steadyBeacon } from './struck-mesh.ts';

const trustDomain = 'watched.test';
export const identities = {
  web: `spiffe://${trustDomain}/ns/shop/sa/web`,
  desk: `spiffe://${trustDomain}/ns/bank/sa/desk`,
  files: `spiffe://${trustDomain}/ns/archive/sa/files`,
} as const;
export const apiAddress = '10.99.1.20';
export const strangerAddress = '10.99.9.10';

/** Longest wait for something to be told, in ms: a record waits a second in the proxy, the rest is a loaded machine. */
export const showMs = 30_000;

/** In the test's folder. */
const siemFile = 'siem.jsonl';

/** Where Prometheus is asked, inside the lab. */
const prometheusAddress = '127.0.0.1:9090';

/** @param more of the mesh, in flow style. */
const meshText = (sink: string, more: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: ${trustDomain}
  dns: { resolvers: [10.99.0.1] }
  drills: { secondPersonAbove: { percent: 100, callers: 20 }, probeTargets: ["http://${strangerAddress}:8080"] }
  evidence: { samplePercent: 0, sinks: [{ name: siem, wholePaths: true, to: { file: { path: ${sink} } } }] }
${more}`;

const tenant = (name: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: ${name} }
spec: { environment: test }
`;

const grant = (namespace: string, service: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-bank, namespace: ${namespace} }
spec: { from: { tenant: bank }, to: { service: ${service}, paths: ["/open/*"] }, reason: the bank reads what is open }
`;

/** @param paths that nobody may ask. */
export const closedPaths = (name: string, paths: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${name}, namespace: shop }
spec: { selector: { matchLabels: { app: api } }, deny: [{ to: { paths: ["${paths}"] } }] }
`;

function podOf(namespace: string, account: string, address: string, ports: readonly number[] = [8_080]): string {
  return podText({ namespace, name: `${account}-0`, account, addresses: [address], ports });
}

const http = 'name: http, port: 80, targetPort: 8080';

const files = (sink: string, more: string) => ({
  'mesh.yaml': meshText(sink, more),
  'tenants.yaml': documents(tenant('shop'), tenant('bank'), tenant('archive')),
  'pods.yaml': documents(
    podOf('shop', 'web', '10.99.1.10'),
    podOf('shop', 'api', apiAddress, [8_080, 5_432]),
    podOf('bank', 'desk', '10.99.2.10'),
    podOf('archive', 'files', '10.99.3.20'),
    podOf('outside', 'stranger', strangerAddress),
  ),
  'services.yaml': documents(
    serviceText('shop', 'api', '10.96.1.1', 'api', http),
    serviceText('shop', 'db', '10.96.1.2', 'api', 'name: tcp, port: 5432'),
    serviceText('archive', 'files', '10.96.3.1', 'files', http),
  ),
  'policies.yaml': documents(closedPaths('no-admin', '/admin/*'), grant('shop', 'api'), grant('archive', 'files')),
  'drills.yaml': documents(
    consentText,
    drillText({
      ...{ namespace: 'shop', name: 'breaker', service: 'api', method: '{ openBreaker: {} }' },
      ...{ callers: '[{ tenant: shop, serviceAccounts: [web] }]', steadyState: steadyBeacon, observe: '1500ms' },
    }),
  ),
});

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface WatchedOptions extends Pick<MeshLabOptions, 'prepare' | 'env'> {
  /** Of the mesh's `spec`, each line with its indentation. */
  readonly mesh?: string;
}

export class WatchedMesh {
  readonly lab: MeshLab;
  readonly stranger: Stranger;
  /** Of the test, outside the lab: the sink's file and what a person writes down. */
  readonly folder: string;
  readonly #yaml: string;

  private constructor(lab: MeshLab, folder: string, yaml: string) {
    this.lab = lab;
    this.folder = folder;
    this.#yaml = yaml;
    this.stranger = new Stranger(lab.lab, 'outside/stranger-0');
  }

  static async start({ mesh = '', ...options }: WatchedOptions = {}): Promise<WatchedMesh> {
    const folder = mkdtempSync(join(tmpdir(), 'coffre-watched-'));
    const yaml = meshFolder(files(join(folder, siemFile), mesh));
    const listen = ({ ports }: { readonly ports: readonly { readonly port: number }[] }) =>
      ports.map(({ port }) => `${port === 5_432 ? 'tcp' : 'http'}:${port}`);
    return new WatchedMesh(await MeshLab.start({ ...options, folder: yaml, listen }), folder, yaml);
  }

  async stop(): Promise<void> {
    await this.lab.stop();
    removeFolder(this.#yaml);
    removeFolder(this.folder);
  }

  /** As a person types it, at the control plane's own host. */
  coffre(...args: readonly string[]): Promise<Ran> {
    return this.following(new AbortController().signal, ...args);
  }

  /** The same, of a command that goes on until `signal`. */
  following(signal: AbortSignal, ...args: readonly string[]): Promise<Ran> {
    return runCoffre([...args, '--state', this.lab.stateFolder], signal);
  }

  /** What `coffre events` tells as JSON, oldest first. @param flags such as `--kind denial`. */
  async events(...flags: readonly string[]): Promise<readonly StoredEvent[]> {
    const { out } = await this.coffre('events', '--limit', '1000', '-o', 'json', ...flags);
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  /** What the SIEM has been told. */
  siem(): readonly OcsfRecord[] {
    return existsSync(this.siemFile) ? jsonLines<OcsfRecord>(this.siemFile) : [];
  }

  get siemFile(): string {
    return join(this.folder, siemFile);
  }

  /** An application asks. */
  async ask(pod: string, ...args: readonly string[]): Promise<CurlAnswer> {
    const argv = ['curl', '-si', '-m', '5', ...args];
    return parseCurl((await this.lab.lab.run({ in: pod, argv, confined: true, timeoutMs: 20_000 })).stdout);
  }

  /** Resolves when the event is there that stands for everything before it: what one proxy tells, it tells in order. */
  async fence(pod: string, url: string): Promise<void> {
    const { status } = await this.ask(pod, url);
    expect(status).toBe(403);
    const path = new URL(url).pathname;
    await expect.poll(() => this.events('--path', path), { timeout: showMs }).not.toEqual([]);
  }

  /** The leaf that a workload's sidecar holds, from a copy of the state: looking changes nothing. */
  async steal(name: string, spiffeId: string): Promise<void> {
    const copy = join(this.folder, 'state-copy');
    cpSync(this.lab.stateFolder, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const authority = await openAuthority({ stateFolder: copy, trustDomain, ports: systemPorts });
    await authority.ensure({ tenants: [], spiffeIds: [spiffeId], leafLifetimeMs: 86_400_000 });
    rmSync(copy, { recursive: true });
    const leaf = authority.leaf(spiffeId);
    if (leaf === undefined) throw new Error(`there is no leaf of \`${spiffeId}\` to steal`);
    this.stranger.hold(name, leaf.certificateChainPem, leaf.privateKeyPem.reveal());
  }

  /** Resolves once it has scraped the control plane and every sidecar. */
  async startPrometheus(): Promise<void> {
    const folder = join(this.lab.lab.privateDir, 'prometheus');
    mkdirSync(folder);
    const scraper = join(folder, 'scraper');
    const person = ['--name', 'prometheus', '--role', 'scraper', '--mesh', '--out', scraper];
    expect((await this.coffre('admin', 'issue', ...person)).code).toBe(0);
    const target = this.lab.peopleAddress;
    const argv = await prometheusArgv({ folder, scraper, target, listen: prometheusAddress });
    await this.lab.lab.spawn({ in: hostPlace, argv, confined: false, name: 'prometheus' });
    const sidecars = this.lab.pods().filter(({ intercepted }) => intercepted).length;
    await expect
      .poll(() => this.query('count(up == 1)').catch(() => []), { timeout: showMs, interval: 250 })
      .toMatchObject([{ value: sidecars + 1 }]);
  }

  async query(expr: string): Promise<readonly Sample[]> {
    const argv = ['curl', '-s', '-G', `http://${prometheusAddress}/api/v1/query`, '--data-urlencode', `query=${expr}`];
    const ran = await this.lab.lab.run({ in: hostPlace, argv, confined: false, timeoutMs: 10_000 });
    return samplesOf(ran.stdout);
  }

  /** File of the chain, of a control plane that may be running. */
  get store(): string {
    return join(this.lab.stateFolder, 'evidence', 'evidence.db');
  }

  /** The key that its heads are signed with, as somebody else has written it down. */
  async publicKey(): Promise<string> {
    return (await this.coffre('evidence', 'head', '--public-key')).out;
  }
}

/** As a person types it, anywhere. */
export async function runCoffre(args: readonly string[], signal = new AbortController().signal): Promise<Ran> {
  let [out, err, code] = ['', '', 0];
  await runProgram(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    setExitCode: (exit) => {
      code = exit;
    },
    nowMs: Date.now,
    signal,
  });
  return { code, out, err };
}
