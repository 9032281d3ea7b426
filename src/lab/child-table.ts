/**
 * The processes of a lab, inside it: started, signalled, and ended with the connection or the pod they belong to.
 * Each leads a process group of its own, and signals go to the group, so what it started goes with it.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { labPath } from './lab-path.ts';
import { type ExitStatus, type Place, processesMax, type SpawnSpec } from './protocol.ts';

/** How a program is started so that it is where it belongs. */
export interface Entrance {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Child {
  readonly owner: unknown;
  readonly place: Place;
}

export class ChildTable {
  readonly #dir: string;
  readonly #children = new Map<number, Child>();

  /** @param dir the lab's run directory. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * @param owner whoever is to be told, and whose end is the process's end.
   * @returns the pid inside the lab. A program that does not exist shows as exit code 127.
   */
  spawn(
    spec: SpawnSpec,
    { argv, env }: Entrance,
    owner: unknown,
    onExit: (pid: number, exit: ExitStatus) => void,
  ): number {
    if (this.#children.size >= processesMax) throw new Error(`a lab runs at most ${processesMax} processes`);
    const [command = '', ...args] = argv;
    const stdio = [
      openSync(spec.stdinPath, 'r'),
      openSync(spec.stdoutPath, 'a', 0o600),
      openSync(spec.stderrPath, 'a', 0o600),
    ];
    const child = spawn(command, args, {
      cwd: spec.cwd,
      env: { PATH: labPath, HOME: this.#dir, LANG: 'C.UTF-8', ...env, ...spec.env },
      stdio,
      detached: true,
    });
    for (const descriptor of stdio) closeSync(descriptor);
    child.once('error', () => {}); // reported below, by the pid that is missing
    const { pid } = child;
    if (pid === undefined) throw new Error(`\`${command}\` cannot be started in \`${spec.cwd}\`; do both exist?`);
    this.#children.set(pid, { owner, place: spec.in });
    child.once('exit', (code, signal) => {
      this.#children.delete(pid);
      onExit(pid, { code, signal });
    });
    return pid;
  }

  /** Nothing happens to a process that has ended. */
  signal(pid: number, signal: NodeJS.Signals): void {
    if (this.#children.has(pid)) process.kill(-pid, signal);
  }

  killAll(): void {
    for (const pid of this.#children.keys()) this.signal(pid, 'SIGKILL');
  }

  killAllOf(owner: unknown): void {
    for (const [pid, child] of this.#children) if (child.owner === owner) this.signal(pid, 'SIGKILL');
  }

  killAllIn(place: Place): void {
    for (const [pid, child] of this.#children) if (child.place === place) this.signal(pid, 'SIGKILL');
  }
}
