/**
 * Ends a test file that never ends by itself, and says what its worker was at.
 *
 *   queued ──▶ `fileMaxMs` later still there ──▶ what the kernel knows of its worker ──▶ SIGKILL ──▶ vitest calls it failed
 *
 * Vitest's own timeouts are timers inside the worker: a loop there, or a wait for a program that hangs, lets none of them
 * fire, and the run would last for ever. `test/setup.ts` makes the file the title of its worker, by which it is found here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import { fileTitle } from './file-title.ts';

/** Longest that one file may take, in ms: the longest needs 2.5 minutes alone, and a loaded machine is three times slower. */
export const fileMaxMs = 10 * 60_000;
/** Between two looks, in ms. */
const lookMs = 5_000;

/** One process, as /proc tells of it. */
export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  /** `R` runs, `S` waits, `Z` is dead; see proc(5). */
  readonly state: string;
  readonly command: string;
}

export interface StuckPorts {
  nowMs(): number;
  processes(): readonly SeenProcess[];
  kill(pid: number): void;
  say(line: string): void;
}

export class StuckFiles implements Reporter {
  readonly #since = new Map<string, number>();
  readonly #ports: StuckPorts;
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: StuckPorts = systemPorts) {
    this.#ports = ports;
  }

  onTestRunStart(): void {
    this.#timer = setInterval(() => this.look(), lookMs).unref();
  }

  onTestModuleQueued({ moduleId }: Pick<TestModule, 'moduleId'>): void {
    this.#since.set(moduleId, this.#ports.nowMs());
  }

  onTestModuleEnd({ moduleId }: Pick<TestModule, 'moduleId'>): void {
    this.#since.delete(moduleId);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    for (const [file, since] of this.#since) {
      if (this.#ports.nowMs() - since <= fileMaxMs) continue;
      this.#since.delete(file);
      this.#end(file);
    }
  }

  #end(file: string): void {
    const all = this.#ports.processes();
    const workers = all.filter(({ command }) => command.startsWith(fileTitle(file)));
    this.#ports.say(`${file} did not end within ${fileMaxMs / 60_000} minutes; its worker is killed. It was:`);
    if (workers.length === 0) this.#ports.say('  nowhere to be found: the file was never begun, or its worker is gone');
    for (const worker of workers) {
      for (const line of treeOf(worker, all)) this.#ports.say(line);
      this.#ports.kill(worker.pid);
    }
  }
}

/** The process and all below it, a line each: `R` is a loop, `S` above a child waits for that child. */
function treeOf(top: SeenProcess, all: readonly SeenProcess[], depth = 1): string[] {
  const line = `${'  '.repeat(depth)}${top.state} ${top.pid} ${top.command}`;
  return [line, ...all.filter(({ parent }) => parent === top.pid).flatMap((child) => treeOf(child, all, depth + 1))];
}

const systemPorts: StuckPorts = {
  nowMs: () => performance.now(),
  processes: () => readdirSync('/proc').flatMap(seenProcess),
  kill: (pid) => void process.kill(pid, 'SIGKILL'),
  say: (line) => console.error(line),
};

function seenProcess(entry: string): readonly SeenProcess[] {
  if (!/^\d+$/.test(entry)) return [];
  try {
    const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    // The name stands in brackets and may hold anything; what follows the last one is numbers and one letter.
    const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    const [state = '?', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ pid: Number(entry), parent: Number(parent), state, command }];
  } catch {
    return []; // it ended meanwhile
  }
}
