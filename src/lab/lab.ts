/**
 * The lab: pods in network namespaces of their own, for tests, the demo and benches; as root, or as anyone who may make a user namespace.
 *
 *   startLab() ──▶ unshare: user? net mount pid ──▶ agent (pid 1) ──▶ bridge, pods, processes
 *
 * Nothing of it is in the host's namespaces, so two labs never meet and a lab leaves nothing: however its owner ends,
 * the agent's stdin ends too, and pid 1 takes all with it. What is seen from both sides is `dir`, where processes log
 * and Unix sockets stand, short enough for a socket's path.
 * In mode `loopback` there are no namespaces: pods are addresses of the machine's own loopback, without walls and without
 * captures, for sidecars under explicit capture; see `loopback-plan.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fencePorts, labHost } from './addresses.ts';
import { AgentClient } from './agent-client.ts';
import { type Capture, type CaptureSpec, startCapture } from './capture.ts';
import { labPath } from './lab-path.ts';
import { type LabProcess, labProcess } from './lab-process.ts';
import { type LabMode, labSupport, unshareArgv } from './lab-support.ts';
import { loopbackHost } from './loopback-plan.ts';
import { type MarkedOutcome, type MarkedTarget, markedConnect } from './marked-connect.ts';
import type { ExitStatus, Place, PodSpec, PodSummary } from './protocol.ts';
import { createRunDirectory, privateDirectory, sweepDeadLabs } from './run-directory.ts';

/** Longest wait for a lab to stand, in ms. It takes about 200 ms. */
const startMs = 20_000;
/** Longest wait for a lab to end by itself before it is killed, in ms. */
const stopMs = 5_000;
/** Characters of output that `run` returns; the rest is cut. */
const outputCharsMax = 4 * 1024 * 1024;

export interface LabOptions {
  /** Receives what the agent says on stderr: only when something is wrong. */
  readonly log?: (line: string) => void;
  /** Default: root where we are root, a user namespace otherwise. */
  readonly mode?: LabKind;
}

/** `loopback`: without namespaces, as any user. */
export type LabKind = LabMode | 'loopback';

export interface PodOptions extends Omit<PodSpec, 'hosts'> {
  readonly hosts: ReadonlyMap<string, string>;
}

export interface ProcessOptions {
  readonly in: Place;
  readonly argv: readonly string[];
  /** Without any capability, and without sight of `privateDir`: how an application runs. */
  readonly confined: boolean;
  /** Names the log files. */
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for the process to read; nothing otherwise. */
  readonly stdin?: string;
}

export interface RunOptions extends Omit<ProcessOptions, 'name'> {
  /** After which the command is killed. */
  readonly timeoutMs: number;
}

export interface RunResult extends ExitStatus {
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface Lab {
  readonly mode: LabKind;
  /** Run directory, at the same path inside and outside. Logs of confined processes are here. */
  readonly dir: string;
  /** For sidecars and control plane: bootstraps, tokens, admin sockets, their logs. A confined process sees it empty. */
  readonly privateDir: string;
  /** Address of the bridge: where a control plane binds, in place `host`. */
  readonly host: { readonly ipv4: string };
  /** Of the `unshare` that holds the lab, outside. Killing it ends the lab at once. */
  readonly pid: number;
  addPod(pod: PodOptions): Promise<void>;
  /** Running processes see the new names. */
  setHosts(podKey: string, hosts: ReadonlyMap<string, string>): Promise<void>;
  /** Kills the pod's processes first. */
  removePod(podKey: string): Promise<void>;
  pods(): Promise<readonly PodSummary[]>;
  spawn(options: ProcessOptions): Promise<LabProcess>;
  run(options: RunOptions): Promise<RunResult>;
  /** Resolves once packets are seen. */
  capture(spec: CaptureSpec): Promise<Capture>;
  /** The positive control: what a process could reach if it could set the sidecar's mark. */
  markedConnect(target: MarkedTarget): Promise<MarkedOutcome>;
  /** Resolves when nothing is left. */
  stop(): Promise<void>;
}

/** @throws where this machine has no way to make namespaces; ask `labSupport` first. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  await sweepDeadLabs();
  const mode = options.mode ?? (await defaultMode());
  const dir = createRunDirectory();
  const [command, ...args] = agentArgv(mode, dir);
  const holder = spawn(command, args, {
    env: { PATH: labPath, LANG: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  holder.stdin.on('error', () => {}); // a lab that has ended does not read
  holder.stderr.setEncoding('utf8').on('data', (text: string) => options.log?.(text.trimEnd()));
  try {
    const said = await untilReady(holder);
    const client = await AgentClient.connect(dir);
    const host = mode === 'loopback' ? { ipv4: loopbackHost(said) } : labHost;
    return new RunningLab(mode, dir, host, holder.pid ?? 0, client, async () => {
      client.close();
      await end(holder, ended, dir);
    });
  } catch (error) {
    await end(holder, ended, dir);
    throw error;
  }
}

function agentArgv(mode: LabKind, dir: string): readonly [string, ...string[]] {
  const script = (url: URL) => [process.execPath, fileURLToPath(url), dir] as const;
  if (mode === 'loopback') return script(new URL('./loopback-agent.ts', import.meta.url));
  return [...unshareArgv(mode), ...script(new URL('./agent.ts', import.meta.url))];
}

async function defaultMode(): Promise<LabMode> {
  const support = labSupport();
  if (support.kind === 'none') throw new Error(`no lab can run here: ${support.why}; ${support.cure}`);
  return support.kind;
}

/** @returns what the agent said. */
function untilReady(holder: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    const timer = setTimeout(() => reject(new Error(`the lab did not start within ${startMs} ms`)), startMs);
    holder.stderr?.on('data', (text: string) => {
      complaint += text;
    });
    holder.stdout?.once('data', (said: Buffer) => {
      clearTimeout(timer);
      resolve(said.toString().trim());
    });
    holder.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    holder.once('close', () => {
      clearTimeout(timer);
      reject(new Error(`the lab ended before it stood:\n${complaint.trim()}`));
    });
  });
}

async function end(holder: ChildProcess, ended: Promise<void>, dir: string): Promise<void> {
  holder.stdin?.end();
  const timer = setTimeout(() => holder.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(timer);
  rmSync(dir, { recursive: true, force: true });
}

class RunningLab implements Lab {
  readonly mode: LabKind;
  readonly dir: string;
  readonly privateDir: string;
  readonly host: Lab['host'];
  readonly pid: number;
  readonly stop: () => Promise<void>;
  readonly #client: AgentClient;
  /** Serial number for the files of processes, so that a name may be used again. */
  #spawned = 0;
  #fences = 0;

  constructor(
    mode: LabKind,
    dir: string,
    host: Lab['host'],
    pid: number,
    client: AgentClient,
    stop: () => Promise<void>,
  ) {
    this.mode = mode;
    this.dir = dir;
    this.host = host;
    this.privateDir = privateDirectory(dir);
    this.pid = pid;
    this.#client = client;
    this.stop = stop;
  }

  addPod(pod: PodOptions): Promise<void> {
    return this.#client.tell({ kind: 'add-pod', pod: { ...pod, hosts: Object.fromEntries(pod.hosts) } });
  }

  setHosts(key: string, hosts: ReadonlyMap<string, string>): Promise<void> {
    return this.#client.tell({ kind: 'set-hosts', key, hosts: Object.fromEntries(hosts) });
  }

  removePod(key: string): Promise<void> {
    return this.#client.tell({ kind: 'remove-pod', key });
  }

  pods(): Promise<readonly PodSummary[]> {
    return this.#client.listPods();
  }

  async spawn(options: ProcessOptions): Promise<LabProcess> {
    const files = processFiles(options.confined ? this.dir : this.privateDir, options.name, ++this.#spawned);
    if (options.stdin !== undefined) writeFileSync(files.stdinPath, options.stdin);
    for (const path of [files.stdoutPath, files.stderrPath]) writeFileSync(path, '', { mode: 0o600 });
    const { pid, exited } = await this.#client.spawn({
      in: options.in,
      argv: options.argv,
      env: options.env ?? {},
      confined: options.confined,
      cwd: options.cwd ?? this.dir,
      ...files,
      stdinPath: options.stdin === undefined ? '/dev/null' : files.stdinPath,
    });
    const { stdoutPath, stderrPath } = files;
    return labProcess({ name: options.name, pid, exited, stdoutPath, stderrPath }, (target, signal) =>
      this.#client.tell({ kind: 'signal', pid: target, signal }),
    );
  }

  async run(options: RunOptions): Promise<RunResult> {
    const child = await this.spawn({ ...options, name: 'run' });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      void child.kill('SIGKILL');
    }, options.timeoutMs);
    const exit = await child.exited;
    clearTimeout(timer);
    const [stdout, stderr] = [child.stdoutPath, child.stderrPath].map(takeOutput);
    return { ...exit, stdout: stdout ?? '', stderr: stderr ?? '', timedOut };
  }

  async capture(spec: CaptureSpec): Promise<Capture> {
    this.#needNamespaces();
    return startCapture(this, spec, () => this.#nextFence());
  }

  async markedConnect(target: MarkedTarget): Promise<MarkedOutcome> {
    this.#needNamespaces();
    return markedConnect(this, target);
  }

  #needNamespaces(): void {
    if (this.mode === 'loopback')
      throw new Error('a lab on loopback has no links to look at and no way past a sidecar');
  }

  #nextFence(): number {
    const port = fencePorts.first + this.#fences++;
    if (port > fencePorts.last) throw new Error(`a lab looks at its captures ${this.#fences - 1} times; start another`);
    return port;
  }
}

function processFiles(dir: string, name: string, serial: number) {
  const stem = join(dir, `${name.replaceAll('/', '.')}.${serial}`);
  return { stdinPath: `${stem}.in`, stdoutPath: `${stem}.out`, stderrPath: `${stem}.err` };
}

/** Reads and removes. A lab that ended meanwhile has taken the file along. */
function takeOutput(path: string): string {
  if (!existsSync(path)) return '';
  truncateSync(path, Math.min(readFileSync(path).length, outputCharsMax));
  const text = readFileSync(path, 'utf8');
  rmSync(path);
  return text;
}
