/** One run of a container: a process in its pod's network and its own file system, and the log of what it said. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { besideIn, containerPath, inRoot, type RootOf } from './container-root.ts';
import type { NetworkNamespace } from './namespace.ts';

export interface ContainerOf {
  readonly network: NetworkNamespace;
  readonly root: RootOf;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logPath: string;
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Longest run of one `exec`, in ms. */
const execMaxMs = 30_000;

export class Container {
  readonly pid: number;
  readonly startedAt = new Date().toISOString();
  /** Exit code; 128 and the signal's place where it was killed. */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #of: ContainerOf;

  static start(of: ContainerOf): Container {
    mkdirSync(of.root.folder, { recursive: true });
    mkdirSync(dirname(of.logPath), { recursive: true });
    const log = openSync(of.logPath, 'a');
    const [command = '', ...args] = of.network.enter(inRoot(of.root, of.argv));
    const env = { PATH: containerPath, HOME: '/', LANG: 'C.UTF-8', ...of.env };
    // A group of its own, so that what it started ends with it.
    const child = spawn(command, args, { env, stdio: ['ignore', log, log], detached: true, cwd: '/' });
    closeSync(log);
    return new Container(child, of);
  }

  private constructor(child: ChildProcess, of: ContainerOf) {
    if (child.pid === undefined) throw new Error('a container could not be started');
    this.pid = child.pid;
    this.#child = child;
    this.#of = of;
    this.ended = once(child, 'exit').then(([code, signal]) => code ?? (signal === 'SIGTERM' ? 143 : 137));
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Nothing happens to one that has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) process.kill(-this.pid, signal);
  }

  /** Another program in it, with the same rights. Never rejects over an exit code. */
  exec(argv: readonly string[], timeoutMs = execMaxMs): Promise<ExecResult> {
    const [command = '', ...args] = besideIn(this.pid, this.#of.root, argv);
    const env = { PATH: containerPath, HOME: '/', ...this.#of.env };
    return new Promise((resolve) => {
      const child = execFile(command, args, { env, timeout: timeoutMs }, (_error, stdout, stderr) => {
        resolve({ code: child.exitCode ?? 137, stdout, stderr });
      });
    });
  }

  log(): string {
    return readFileSync(this.#of.logPath, 'utf8');
  }
}
