/** One real Envoy with a bootstrap of the test's own, alone on this machine's loopback, killed by its id when the test ends. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';

const binary = resolve(import.meta.dirname, '../../.cache/envoy/envoy/_bin/envoy');

export interface StaticEnvoy {
  /** Standard output, line by line: where access logs go. */
  readonly log: Interface;
  stop(): Promise<void>;
}

/** @param folder where the bootstrap is written. @returns once the main loop runs and listeners are bound. */
export async function startEnvoy(folder: string, bootstrap: object): Promise<StaticEnvoy> {
  const path = join(folder, 'envoy.json');
  await writeFile(path, JSON.stringify(bootstrap));
  const flags = ['--disable-hot-restart', '--concurrency', '1', '--file-flush-interval-msec', '50'];
  const envoy = spawn(binary, ['-c', path, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exit = once(envoy, 'exit');
  await started(envoy);
  return {
    log: createInterface({ input: envoy.stdout }),
    async stop() {
      envoy.kill('SIGKILL');
      await exit;
    },
  };
}

/** The first line to come that matches. */
export function lineThat(lines: Interface, matches: (line: string) => boolean): Promise<string> {
  return new Promise((found) => {
    const look = (line: string): void => {
      if (!matches(line)) return;
      lines.off('line', look);
      found(line);
    };
    lines.on('line', look);
  });
}

/** @throws with all that Envoy said, where it ends instead. */
async function started(envoy: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  const said: string[] = [];
  const lines = createInterface({ input: envoy.stderr });
  lines.on('line', (line) => said.push(line));
  await Promise.race([
    lineThat(lines, (line) => line.includes('starting main dispatch loop')),
    once(lines, 'close').then(() => Promise.reject(new Error(`envoy ended at its start:\n${said.join('\n')}`))),
  ]);
}
