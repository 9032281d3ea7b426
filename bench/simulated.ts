/** Starts simulated-proxies.ts in a lab's host, and tells what each proxy was told, and when. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJsonLines } from '../src/lab/demo/json-lines.ts';
import type { MeshLab } from '../src/lab/mesh-lab.ts';
import { hostPlace } from '../src/lab/protocol.ts';
import type { SimulatedEvent } from './simulated-proxies.ts';
import { untilTrue } from './until-true.ts';

/** Longest wait for certificates and tokens of all, and for all to be up, in ms. */
const upMs = 240_000;

export interface Simulated {
  readonly keys: readonly string[];
  /** Of the first event of this kind after `sinceMs` (epoch), by proxy that had one. */
  since(sinceMs: number, kind: SimulatedEvent['kind']): ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** @param text their pods, as a file of the mesh. Resolves when each holds its first configuration. */
export async function startSimulated(mesh: MeshLab, keys: readonly string[], text: string): Promise<Simulated> {
  const startedMs = Date.now();
  mesh.write('simulated.yaml', text);
  const token = (key: string) => join(mesh.workloadFiles(key), 'secrets', 'token');
  await untilTrue('a token for every simulated proxy', upMs, () => keys.every((key) => existsSync(token(key))));
  const keysFile = join(mesh.lab.privateDir, 'simulated.txt');
  writeFileSync(keysFile, keys.join('\n'));
  const script = fileURLToPath(new URL('./simulated-proxies.ts', import.meta.url));
  const child = await mesh.lab.spawn({
    in: hostPlace,
    argv: [process.execPath, script, mesh.controlPlaneAddress, mesh.workloadFiles(''), keysFile],
    confined: false,
    name: 'simulated',
  });
  const since: Simulated['since'] = (sinceMs, kind) => {
    const first = new Map<string, number>();
    for (const event of readJsonLines<SimulatedEvent>(child.stdoutPath)) {
      if (event.kind === kind && event.atMs >= sinceMs && !first.has(event.proxy)) first.set(event.proxy, event.atMs);
    }
    return first;
  };
  await untilTrue('every simulated proxy to be up', upMs, () => since(startedMs, 'up').size === keys.length);
  return {
    keys,
    since,
    async stop() {
      await child.kill('SIGKILL');
      await child.exited;
    },
  };
}
