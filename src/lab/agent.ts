/**
 * The agent of a lab in namespaces: pid 1 there, where it builds pods and starts their processes.
 *
 * Its life is the lab's: as pid 1 it takes every process and namespace with it, whether it was killed or left because
 * its owner did; see `agent-server.ts`.
 * The surprise: no signal from inside reaches pid 1, so no application of the lab can end it.
 * A process whose parent left it behind stays a zombie until the lab ends: Node waits for its own children only.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { serveAgent } from './agent-server.ts';
import { enter } from './enter.ts';
import { createBridge } from './pod-network.ts';
import { PodTable } from './pod-table.ts';
import { hostPlace, type SpawnSpec } from './protocol.ts';
import { privateDirectory } from './run-directory.ts';

const [dir = ''] = process.argv.slice(2);

mount('-t', 'tmpfs', 'tmpfs', '/run');
provideMountPoint('/etc/resolv.conf');
provideMountPoint('/etc/hosts');
createBridge();

const pods = new PodTable('/run/pods');

serveAgent(
  dir,
  {
    add: (pod) => pods.add(pod),
    setHosts: (key, hosts) => pods.setHosts(key, hosts),
    remove: (key) => pods.remove(key),
    list: () => pods.list(),
    entrance,
  },
  'ready',
);

function entrance({ in: place, confined, argv }: SpawnSpec) {
  const entry = { confined, privateDir: privateDirectory(dir) };
  return { argv: enter(place === hostPlace ? entry : { ...entry, pod: pods.place(place) }, argv), env: {} };
}

function mount(...args: readonly string[]): void {
  const done = spawnSync('mount', args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`mount ${args.join(' ')} failed: ${done.stderr.trim()}`);
}

/** Some systems keep /etc/resolv.conf as a link into /run, which the lab has just covered; a bind mount needs it to lead somewhere. */
function provideMountPoint(path: string): void {
  let target: string;
  try {
    target = resolve(dirname(path), readlinkSync(path));
  } catch {
    return; // no link, so a file
  }
  if (!target.startsWith('/run/')) return;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, '');
}
