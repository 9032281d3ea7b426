/** A process of the cluster: leashed to ours, its words in a file, ended by its id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Program, programPath } from './cluster.ts';

export interface ClusterProcess {
  readonly name: string;
  /** The end of what it said. */
  tail(): string;
  /** @throws with the end of what it said, once it ended by itself. */
  assertAlive(): void;
  /** Nothing happens to one that has ended. */
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** How much of the end of a log is shown, in characters. */
const tailMax = 4_096;
/** How long a process may take to end by itself, in ms, before it is killed. */
const graceMs = 10_000;
/** The kernel ends the process with us, even where nobody comes to stop it. */
const leash = ['--pdeathsig', 'KILL', '--'];

export function startProcess(program: Program, args: readonly string[], folder: string): ClusterProcess {
  const log = join(folder, `${program}.log`);
  const output = openSync(log, 'a');
  const child = spawn('setpriv', [...leash, programPath(program), ...args], { stdio: ['ignore', output, output] });
  closeSync(output);
  const tail = () => readFileSync(log, 'utf8').slice(-tailMax);
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  return {
    name: program,
    tail,
    assertAlive() {
      if (failure !== undefined) throw failure;
      if (hasEnded(child)) throw new Error(`\`${program}\` ended by itself:\n${tail()}`);
    },
    signal(signal) {
      child.kill(signal);
    },
    async stop() {
      if (hasEnded(child) || failure !== undefined) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const grace = new AbortController();
      const killed = sleep(graceMs, undefined, { signal: grace.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      );
      await ended;
      grace.abort();
      await killed;
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
