/**
 * Starts simulated-proxies.ts in a lab's host, and tells what each proxy was told, and when.
 *
 * Every address of their network is the host's own there (AnyIP), so that one process answers at all of them.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configDumpPath } from '../src/inspect/config-dump.ts';
import { readJsonLines } from '../src/lab/demo/json-lines.ts';
import type { MeshLab } from '../src/lab/mesh-lab.ts';
import { hostPlace } from '../src/lab/protocol.ts';
import { type SimulatedPod, simulatedNetwork } from './drill-mesh.ts';
import type { SimulatedEvent } from './simulated-proxies.ts';
import { untilTrue } from './until-true.ts';

/** Longest wait for certificates and tokens of all, and for all to be up, in ms. */
const upMs = 240_000;

/** Longest run of `ip`, in ms. */
const commandMs = 5_000;

export interface Simulated {
  readonly pods: readonly SimulatedPod[];
  /** Of the first event of this kind after `sinceMs` (epoch), by proxy that had one. */
  since(sinceMs: number, kind: SimulatedEvent['kind']): ReadonlyMap<string, number>;
}

/**
 * They end with the lab. Resolves when each holds its first configuration, and its door is open.
 * @param text their pods, as a file of the mesh.
 * @param like a real pod of their service account, whose configuration they show as theirs.
 */
export async function startSimulated(
  mesh: MeshLab,
  pods: readonly SimulatedPod[],
  text: string,
  like: string,
): Promise<Simulated> {
  const startedMs = Date.now();
  await ownAddresses(mesh);
  mesh.write('simulated.yaml', text);
  const token = ({ key }: SimulatedPod) => join(mesh.workloadFiles(key), 'secrets', 'token');
  await untilTrue('a token for every simulated proxy', upMs, () => pods.every((pod) => existsSync(token(pod))));
  const file = (name: string) => join(mesh.lab.privateDir, `simulated-${name}.json`);
  writeFileSync(file('pods'), JSON.stringify(pods));
  writeFileSync(file('dump'), await mesh.sidecar(like).admin(configDumpPath));
  const script = fileURLToPath(new URL('./simulated-proxies.ts', import.meta.url));
  const child = await mesh.lab.spawn({
    in: hostPlace,
    argv: [process.execPath, script, mesh.controlPlaneAddress, mesh.workloadFiles(''), file('pods'), file('dump')],
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
  await untilTrue('every simulated proxy to be up', upMs, () => since(startedMs, 'up').size === pods.length);
  await untilTrue('the door of the simulated proxies', upMs, () => since(startedMs, 'open').size === 1);
  return { pods, since };
}

/** In the lab's own network; its bridge leads nowhere. */
async function ownAddresses({ lab }: MeshLab): Promise<void> {
  const argv = ['ip', 'route', 'add', 'local', simulatedNetwork, 'dev', 'lo'];
  const { code, stderr } = await lab.run({ in: hostPlace, argv, confined: false, timeoutMs: commandMs });
  if (code !== 0) throw new Error(`\`${argv.join(' ')}\` failed: ${stderr.trim()}`);
}
