/**
 * A whole mesh in a lab: the control plane as a process of its own, and for every Pod of a folder a namespace with its
 * application (a real PostgreSQL, if its image is `postgres`) and, in a tenant's namespace, a sidecar whose bootstrap
 * the control plane wrote.
 *
 *   folder of YAML ──▶ control plane (place `host`) ──ADS──▶ Envoy ◀──redirect── application
 *
 * On loopback the mesh is the same under explicit capture: see `loopback-plan.ts`.
 * Tests and demo act on it as the world does: they edit files, kill processes and look at what arrived.
 */
import {
  cpSync,
  type FSWatcher,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { controlPlaneNodeFlags } from '../config.ts';
import { workerKey } from '../controller/configure.ts';
import { type AppProcess, startApp } from './app-process.ts';
import { DrillControl } from './drill-control.ts';
import { type EnvoyProcess, startEnvoy } from './envoy-process.ts';
import { type Lab, type LabOptions, startLab } from './lab.ts';
import type { LabProcess } from './lab-process.ts';
import { explicitMesh } from './loopback-plan.ts';
import { type MeshPodSpec, type MeshWorld, readMeshWorld } from './mesh-pods.ts';
import { postgresBinaries, startPostgres } from './postgres.ts';
import { hostPlace } from './protocol.ts';

/** Where proxies find the control plane. In the reserved range, so that no application can dial it. */
const controlPlanePort = 15_012;
/** Where people ask, from place `host`. */
const peoplePort = 15_014;
/** Where sidecars ask the first worker for verdicts; the others listen on the ports behind it. */
export const authzPort = 15_016;
/** Longest wait for the control plane to serve, in ms. */
const controlPlaneMs = 30_000;

export interface MeshPod extends MeshPodSpec {
  readonly app: AppProcess;
  /** Otherwise the lab's own application, also where there is no PostgreSQL for a pod that asks for one. */
  readonly isPostgres: boolean;
  /** Where the pod itself reaches its application, past any sidecar. */
  readonly appAddress: string;
  /** Absent outside the mesh. */
  readonly envoy: EnvoyProcess | undefined;
}

export interface MeshLabOptions extends LabOptions {
  /** Copied; the copy is what the control plane watches and what may be edited. */
  readonly folder: string;
  /** What a pod's application listens on, such as `['http:8080']`; by default its container ports, as HTTP/1.1. */
  readonly listen?: (pod: MeshPodSpec) => readonly string[];
  /** What stands before the first pod does, such as a resolver; it may also edit the copied folder. */
  readonly prepare?: (lab: Lab, folder: string) => Promise<void>;
  /** Of the control plane and of the authorization worker, beside what their flags say. */
  readonly env?: (lab: Lab) => Readonly<Record<string, string>>;
  /** Authorization workers; 1 by default. */
  readonly workers?: number;
  /** Ends the lab at once, also while it starts. */
  readonly signal?: AbortSignal;
}

export class MeshLab {
  readonly lab: Lab;
  /** The folder that is watched. */
  readonly folder: string;
  readonly #options: MeshLabOptions;
  readonly #pods = new Map<string, MeshPod>();
  readonly #hostsWatchers: FSWatcher[] = [];
  #controlPlane: LabProcess | undefined;
  readonly #authzWorkers: LabProcess[] = [];

  private constructor(lab: Lab, options: MeshLabOptions) {
    this.lab = lab;
    this.folder = join(lab.dir, 'mesh');
    this.#options = options;
  }

  /** Resolves when every sidecar is live under the configuration of the folder. */
  static async start(options: MeshLabOptions): Promise<MeshLab> {
    const mesh = new MeshLab(await startLab(options), options);
    options.signal?.addEventListener('abort', () => void mesh.stop(), { once: true });
    try {
      options.signal?.throwIfAborted();
      cpSync(options.folder, mesh.folder, { recursive: true });
      mesh.#settleFolder();
      await options.prepare?.(mesh.lab, mesh.folder);
      await mesh.startControlPlane();
      for (let index = 0; index < mesh.#workerCount; index += 1) await mesh.startAuthzWorker(index);
      const world = readMeshWorld(mesh.folder);
      await Promise.all(world.pods.map((pod) => mesh.#startPod(pod, world)));
      return mesh;
    } catch (error) {
      await mesh.stop();
      throw error;
    }
  }

  pod(key: string): MeshPod {
    const pod = this.#pods.get(key);
    if (pod === undefined)
      throw new Error(`no pod \`${key}\` in this mesh; there are ${[...this.#pods.keys()].join(', ')}`);
    return pod;
  }

  sidecar(key: string): EnvoyProcess {
    const { envoy } = this.pod(key);
    if (envoy === undefined) throw new Error(`\`${key}\` is outside the mesh and has no sidecar`);
    return envoy;
  }

  pods(): readonly MeshPod[] {
    return [...this.#pods.values()];
  }

  get controlPlane(): LabProcess {
    if (this.#controlPlane === undefined) throw new Error('the control plane has not been started');
    return this.#controlPlane;
  }

  /** Holds the process id of a server inside the lab, for those who act on it by hand. */
  pidFile(server: 'coffre' | 'authz'): string {
    return join(this.lab.dir, `${server}.pid`);
  }

  /** What the control plane keeps: the certificate authority, sealed. */
  get stateFolder(): string {
    return this.#private('state');
  }

  /** Where proxies find it. */
  get controlPlaneAddress(): string {
    return this.#at(controlPlanePort);
  }

  /** Where people find it. */
  get peopleAddress(): string {
    return this.#at(peoplePort);
  }

  /** What the sidecar of a workload starts from: bootstrap, root, token. */
  workloadFiles(key: string): string {
    return join(this.#private('w'), key);
  }

  /** As the mesh's owner runs them. */
  get drills(): DrillControl {
    return new DrillControl(this.stateFolder);
  }

  /** What the control plane has logged since it last started. */
  controlPlaneLog(): string {
    return readFileSync(this.controlPlane.stdoutPath, 'utf8');
  }

  async startControlPlane(): Promise<void> {
    const main = fileURLToPath(new URL('../main.ts', import.meta.url));
    this.#controlPlane = await this.lab.spawn({
      in: hostPlace,
      argv: [
        process.execPath,
        ...controlPlaneNodeFlags,
        main,
        ...['--folder', this.folder, '--state', this.stateFolder],
        ...['--workloads', this.#private('w'), '--bypass', 'mark'],
        ...['--xds', this.controlPlaneAddress, '--authz', this.#authzAddresses.join(',')],
        ...['--admin', this.peopleAddress],
      ],
      confined: false,
      env: this.#options.env?.(this.lab) ?? {},
      name: 'coffre',
    });
    writeFileSync(this.pidFile('coffre'), `${this.#controlPlane.pid}\n`);
    await this.#controlPlane.waitForLine(/"msg":"serving"/, controlPlaneMs);
  }

  get authzWorker(): LabProcess {
    return this.authzWorkerAt(0);
  }

  authzWorkerAt(index: number): LabProcess {
    const worker = this.#authzWorkers[index];
    if (worker === undefined) throw new Error(`authorization worker ${index} has not been started`);
    return worker;
  }

  /** Decisions of every worker that ran, one JSON line each. */
  get decisionsPath(): string {
    return this.#private('decisions.ndjson');
  }

  /** @param index from 0. Resolves once it serves. */
  async startAuthzWorker(index = 0): Promise<void> {
    const script = fileURLToPath(new URL('../worker.ts', import.meta.url));
    const suffix = index === 0 ? '' : `-${index}`;
    const worker = await this.lab.spawn({
      in: hostPlace,
      argv: [
        process.execPath,
        script,
        ...['--xds', this.controlPlaneAddress, '--listen', this.#at(authzPort + index)],
        ...['--files', this.workloadFiles(workerKey), '--state', this.#private(`authz${suffix}`)],
        ...['--decisions', this.decisionsPath],
      ],
      confined: false,
      env: this.#options.env?.(this.lab) ?? {},
      name: `authz${suffix}`,
    });
    this.#authzWorkers[index] = worker;
    if (index === 0) writeFileSync(this.pidFile('authz'), `${worker.pid}\n`);
    await worker.waitForLine(/"msg":"serving"/, controlPlaneMs);
  }

  async killAuthzWorker(index = 0): Promise<void> {
    await this.authzWorkerAt(index).kill('SIGKILL');
    await this.authzWorkerAt(index).exited;
  }

  async killControlPlane(): Promise<void> {
    await this.controlPlane.kill('SIGKILL');
    await this.controlPlane.exited;
  }

  /** Writes a file of the mesh as an editor does: beside it, then renamed. */
  write(file: string, text: string): void {
    const path = join(this.folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.tmp`, this.#onLoopback ? explicitMesh(text, this.lab.host.ipv4) : text);
    renameSync(`${path}.tmp`, path);
  }

  remove(file: string): void {
    rmSync(join(this.folder, file), { force: true });
  }

  async stop(): Promise<void> {
    for (const watcher of this.#hostsWatchers) watcher.close();
    await this.lab.stop();
  }

  get #workerCount(): number {
    return this.#options.workers ?? 1;
  }

  get #authzAddresses(): readonly string[] {
    return Array.from({ length: this.#workerCount }, (_, index) => this.#at(authzPort + index));
  }

  get #onLoopback(): boolean {
    return this.lab.mode === 'loopback';
  }

  #settleFolder(): void {
    if (!this.#onLoopback) return;
    const files = readdirSync(this.folder, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /\.ya?ml$/.test(name))) {
      this.write(file, readFileSync(join(this.folder, file), 'utf8'));
    }
  }

  #at(port: number): string {
    return `${this.lab.host.ipv4}:${port}`;
  }

  #private(name: string): string {
    return join(this.lab.privateDir, name);
  }

  async #startPod(spec: MeshPodSpec, world: MeshWorld): Promise<void> {
    await this.lab.addPod({
      key: spec.key,
      addresses: spec.addresses,
      intercepted: spec.intercepted,
      dnsResolvers: world.dnsResolvers,
      hosts: new Map([
        ...(this.#onLoopback ? [] : world.hostsFor(spec.namespace)),
        ...(spec.intercepted ? this.#wantedHosts(spec.key) : []),
      ]),
    });
    if (this.#onLoopback && spec.intercepted) this.#followHosts(spec.key);
    const listen = this.#options.listen?.(spec) ?? spec.ports.map(({ port }) => `http:${port}`);
    const host = spec.intercepted ? spec.applicationAddress : this.#onLoopback ? spec.addresses[0] : undefined;
    const isPostgres = spec.image === 'postgres' && !this.#onLoopback && postgresBinaries() !== undefined;
    const [app, envoy] = await Promise.all([
      isPostgres
        ? startPostgres(this.lab, spec.key)
        : startApp(this.lab, spec.key, { listen, ...(host === undefined ? {} : { host }) }),
      spec.intercepted ? this.#startSidecar(spec.key) : undefined,
    ]);
    this.#pods.set(spec.key, { ...spec, app, isPostgres, appAddress: host ?? '127.0.0.1', envoy });
  }

  /** What the control plane wants in the pod's /etc/hosts. */
  #wantedHosts(key: string): readonly [string, string][] {
    const lines = readFileSync(join(this.workloadFiles(key), 'hosts'), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    return lines.map((line) => {
      const [address = '', name = ''] = line.split(' ');
      return [name, address];
    });
  }

  /** On loopback a name is only there while its service may be called. */
  #followHosts(key: string): void {
    const watcher = watch(this.workloadFiles(key), (_event, file) => {
      if (file !== 'hosts') return;
      this.#renewHosts(key).catch((error: unknown) => this.#options.log?.(`no new names for \`${key}\`: ${error}`));
    });
    this.#hostsWatchers.push(watcher);
  }

  async #renewHosts(key: string): Promise<void> {
    await this.lab.setHosts(key, new Map(this.#wantedHosts(key)));
  }

  async #startSidecar(key: string): Promise<EnvoyProcess> {
    const envoy = await startEnvoy(this.lab, key, { bootstrapPath: join(this.workloadFiles(key), 'bootstrap.json') });
    await envoy.waitLive();
    return envoy;
  }
}
