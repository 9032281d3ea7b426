/**
 * The life of one pod on the node of the tests, from its network to the last kill.
 *
 *   network ─▶ volumes ─▶ init containers, one after another; a sidecar's turn ends when it has started ─▶ applications
 *
 * What cannot be had yet, such as a ConfigMap that is not written, is asked for again, as a kubelet does.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Container } from './container.ts';
import { commandOf, environmentOf, type Facts } from './environment.ts';
import { type Bind, imageOf } from './image.ts';
import type { KubeReader } from './kube-reader.ts';
import type { PodNetwork } from './node-network.ts';
import type { ContainerSpec, PodObject } from './pod-spec.ts';
import { type Initial, podStatus } from './pod-status.ts';
import { Supervised } from './supervised.ts';
import { PodVolumes } from './volumes.ts';

export interface PodWorkerOf {
  readonly pod: PodObject;
  /** Of the machine, for its volumes, roots and logs. */
  readonly folder: string;
  /** `/etc/hosts` and `/etc/resolv.conf` of every pod. */
  readonly etc: readonly Bind[];
  readonly apiService: Facts['apiService'];
  readonly hostIp: string;
  readonly kube: KubeReader;
  addNetwork(): Promise<PodNetwork>;
  /** Its status is another. */
  changed(): void;
}

/** Between two tries of what did not succeed, in ms. */
const againMs = 500;
/** Between two looks whether a sidecar has started, in ms. */
const lookMs = 20;
/** How much of the end of a log is shown, in characters. */
const wordsMax = 1_500;
/** Kubernetes' own, in s. */
const graceSecondsDefault = 30;

export class PodWorker {
  readonly #of: PodWorkerOf;
  readonly #startedAt = new Date().toISOString();
  readonly #stop = new AbortController();
  readonly #sidecars = new Map<string, Supervised>();
  readonly #applications = new Map<string, Supervised>();
  /** Exit codes of init containers. */
  readonly #ended = new Map<string, number>();
  #running: Container | undefined;
  #network: PodNetwork | undefined;
  #volumes: PodVolumes | undefined;
  #trouble = '';
  readonly #coming: Promise<void>;

  constructor(of: PodWorkerOf) {
    this.#of = of;
    this.#coming = this.#come().catch((error: unknown) => this.#say(String(error)));
  }

  /** Undefined before it has an address. */
  status(): object | undefined {
    const { spec } = this.#of.pod;
    if (this.#network === undefined) return undefined;
    return podStatus({
      podIp: this.#network.address,
      hostIp: this.#of.hostIp,
      startedAt: this.#startedAt,
      initial: (spec.initContainers ?? []).map((one) => this.#initialOf(one)),
      usual: spec.containers.map((one) => [one, this.#applications.get(one.name)] as const),
      trouble: this.#trouble,
    });
  }

  /** @throws where it does not run. */
  container(name: string): Container {
    const supervised = this.#applications.get(name) ?? this.#sidecars.get(name);
    if (!supervised?.container?.isRunning) throw new Error(`\`${name}\` does not run; ${this.#trouble}`);
    return supervised.container;
  }

  /** Why it does not come up, and the end of what its containers have said. */
  words(): string {
    const folder = join(this.#of.folder, 'logs');
    const names = existsSync(folder) ? readdirSync(folder) : [];
    const ends = names.map((name) => `${name}:\n${readFileSync(join(folder, name), 'utf8').slice(-wordsMax)}`);
    return [this.#trouble, ...ends].join('\n');
  }

  /** With SIGKILL, all its processes at once; it is started again, as a kubelet does. */
  kill(): void {
    for (const each of [...this.#applications.values(), ...this.#sidecars.values()]) each.kill();
  }

  /** Applications first, then sidecars in the reverse order of their start. Resolves when nothing is left of it. */
  async stop(graceSeconds = this.#of.pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault): Promise<void> {
    this.#stop.abort();
    this.#running?.signal('SIGKILL');
    await this.#coming;
    const applications = [...this.#applications.values()].map((each) => each.stop(graceSeconds, Promise.resolve()));
    let turn: Promise<unknown> = Promise.all(applications);
    for (const sidecar of [...this.#sidecars.values()].reverse()) turn = sidecar.stop(graceSeconds, turn);
    await turn;
    this.#volumes?.close();
    await this.#network?.close();
  }

  async #come(): Promise<void> {
    const { pod, folder, kube } = this.#of;
    const { signal } = this.#stop;
    this.#network = await this.#of.addNetwork();
    const facts: Facts = { ...this.#of, pod, podIp: this.#network.address };
    const volumes = new PodVolumes(join(folder, 'volumes'), facts, kube);
    this.#volumes = volumes;
    await this.#again(() => volumes.mount());
    const runs = (spec: ContainerSpec) => this.#again(() => this.#prepare(spec, facts));
    for (const spec of pod.spec.initContainers ?? []) {
      const run = await runs(spec);
      if (signal.aborted) return;
      if (spec.restartPolicy === 'Always') await this.#startSidecar(spec, run);
      else await this.#runOnce(spec, run);
    }
    for (const spec of pod.spec.containers) {
      const run = await runs(spec);
      if (signal.aborted) return;
      this.#applications.set(spec.name, this.#supervise(spec, run));
    }
    this.#say('');
  }

  async #startSidecar(spec: ContainerSpec, run: () => Container): Promise<void> {
    const supervised = this.#supervise(spec, run);
    this.#sidecars.set(spec.name, supervised);
    while (!supervised.started && !this.#stop.signal.aborted) {
      await sleep(lookMs);
      if (supervised.why !== '') this.#say(`\`${spec.name}\` has not started: ${supervised.why}`);
    }
  }

  async #runOnce(spec: ContainerSpec, run: () => Container): Promise<void> {
    await this.#again(async () => {
      this.#running = run();
      const code = await this.#running.ended;
      this.#ended.set(spec.name, code);
      if (code !== 0) throw new Error(`\`${spec.name}\` ended with ${code}: ${this.#running.log()}`);
    });
    this.#of.changed();
  }

  #supervise(spec: ContainerSpec, run: () => Container): Supervised {
    const { pod, changed } = this.#of;
    return new Supervised({
      ...{ spec, run, changed, podIp: this.#network?.address ?? '' },
      graceSeconds: pod.spec.terminationGracePeriodSeconds ?? graceSecondsDefault,
    });
  }

  /** @returns how it is started, each time in the same way. */
  async #prepare(spec: ContainerSpec, facts: Facts): Promise<() => Container> {
    const { pod, folder, etc, kube } = this.#of;
    const network = this.#network?.namespace;
    if (network === undefined) throw new Error('the pod has no network');
    const image = imageOf(spec.image);
    const env = await environmentOf(spec.env ?? [], facts, kube);
    const { command = image.entrypoint, args } = commandOf(spec, env);
    const mounts = (spec.volumeMounts ?? []).map(({ name, mountPath, subPath = '', readOnly = false }) => ({
      from: join(folder, 'volumes', name, subPath),
      to: mountPath,
      isReadOnly: readOnly,
    }));
    const context = { ...pod.spec.securityContext, ...spec.securityContext };
    const user = context.runAsUser ?? image.user;
    const root = {
      folder: join(folder, 'roots', spec.name),
      binds: [...image.binds, ...etc, ...mounts],
      isReadOnly: context.readOnlyRootFilesystem ?? false,
      workingDir: spec.workingDir ?? image.workingDir,
      ...{ user, group: context.runAsGroup ?? user, capabilities: context.capabilities?.add ?? [] },
    };
    const logPath = join(folder, 'logs', `${spec.name}.log`);
    return () => Container.start({ network, root, env, argv: [...command, ...args], logPath });
  }

  /** @throws only once the pod is to stop. */
  async #again<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        this.#say(String(error));
        if (this.#stop.signal.aborted) throw error;
        await sleep(againMs, undefined, { signal: this.#stop.signal });
      }
    }
  }

  #say(trouble: string): void {
    if (this.#trouble === trouble) return;
    this.#trouble = trouble;
    this.#of.changed();
  }

  #initialOf(spec: ContainerSpec): Initial {
    return spec.restartPolicy === 'Always'
      ? { kind: 'sidecar', spec, supervised: this.#sidecars.get(spec.name) }
      : { kind: 'once', spec, ended: this.#ended.get(spec.name) };
  }
}
