/**
 * The agent of a lab without namespaces: pods are addresses of this machine's loopback, told apart by nothing but care.
 *
 * It holds the lab's second octet by a port that it listens on, so two labs never meet; see `loopback-plan.ts`.
 * It is pid 1 of nothing: when it is killed its processes are told by the kernel (`setpriv --pdeathsig`), where that
 * program knows how; when its owner is, by itself (`agent-server.ts`).
 * The surprise: the kernel tells of no death before it was asked to, so each process looks once whether its agent still lives.
 */
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { serveAgent } from './agent-server.ts';
import { labPath } from './lab-path.ts';
import { secondOctets, wordOnLoopback } from './loopback-plan.ts';
import { LoopbackPods } from './loopback-pods.ts';
import { hostPlace, type SpawnSpec } from './protocol.ts';
import { privateDirectory } from './run-directory.ts';

/** Held for as long as the agent lives. In the reserved range, so that no service of a mesh may declare it. */
const holdPort = 15_010;

const [dir = ''] = process.argv.slice(2);

const prefix = await holdPrefix();
const host = `${prefix}.0.1`;
const pods = new LoopbackPods(join(privateDirectory(dir), 'pods'));

const leash = ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs', '--'];
/** Its parent is another where the agent died before the leash was on; `exec` keeps the pid, and the leash. */
const whileAgentLives = ['sh', '-c', `test "$PPID" = ${process.pid} && exec "$@"`, 'leash'];
const hasLeash = spawnSync('setpriv', [...leash.slice(1), 'true'], { env: { PATH: labPath } }).status === 0;

serveAgent(
  dir,
  {
    add: (pod) => pods.add(pod),
    setHosts: (key, hosts) => pods.setHosts(key, hosts),
    remove: (key) => pods.remove(key),
    list: () => pods.list(),
    entrance,
  },
  prefix,
);

function entrance({ in: place, argv }: SpawnSpec) {
  const told = argv.map((word) => wordOnLoopback(word, host));
  return {
    argv: hasLeash ? [...leash, ...whileAgentLives, ...told] : told,
    env: place === hostPlace ? {} : pods.environmentOf(place),
  };
}

/** The first octets that no living lab holds. */
async function holdPrefix(): Promise<string> {
  const choices = secondOctets.last - secondOctets.first + 1;
  for (let attempt = 0; attempt < choices; attempt++) {
    const octet = secondOctets.first + ((process.pid + attempt) % choices);
    if (await hold(`127.${octet}.0.1`)) return `127.${octet}`;
  }
  throw new Error(`${choices} labs run on this loopback already; end one`);
}

function hold(address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('listening', () => resolve(true));
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ host: address, port: holdPort, exclusive: true });
  });
}
