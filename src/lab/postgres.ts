/**
 * A real PostgreSQL in a pod: Debian's, with a fresh cluster of its own that goes with the lab.
 *
 *   initdb ──▶ postgres on 127.0.0.1:5432 of the pod, no password: the mesh is the only way to it
 *
 * It writes every connection down as it arrives, before a byte is read, so it is as good a witness as `app.ts`.
 * The surprise: PostgreSQL refuses to run as root, and in a rootless lab there is nobody else. So it runs in one more user
 * namespace, in which the lab's user has another number. That namespace owns nothing of the pod's network, which confines
 * it: it can mark no socket and open no raw one. (Making it takes CAP_SETFCAP, so it cannot be made from confinement.)
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppConnection, AppProcess } from './app-process.ts';
import type { Lab } from './lab.ts';

/** Where Debian keeps each major version's programs. */
const versionsFolder = '/usr/lib/postgresql';

/** Longest wait for a fresh cluster, and for the server, in ms. Alone they take about 1 s together. */
const initMs = 30_000;
const startMs = 15_000;

/** The newest PostgreSQL server on this machine. */
export function postgresBinaries(): string | undefined {
  if (!existsSync(versionsFolder)) return undefined;
  const folders = readdirSync(versionsFolder)
    .sort((left, right) => Number(right) - Number(left))
    .map((version) => join(versionsFolder, version, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')));
}

/** @throws where there is no server on this machine; ask `postgresBinaries` first. */
export async function startPostgres(lab: Lab, podKey: string, port = 5_432): Promise<AppProcess> {
  const binaries = postgresBinaries();
  if (binaries === undefined)
    throw new Error('there is no PostgreSQL server here; install it with `apt-get install postgresql`');
  const folder = join(lab.dir, `${podKey.replaceAll('/', '.')}.pg`);
  mkdirSync(folder, { mode: 0o700 });
  const data = join(folder, 'data');
  const made = await lab.run({
    in: podKey,
    argv: [
      ...asSomebody,
      join(binaries, 'initdb'),
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-sync',
    ],
    confined: false,
    timeoutMs: initMs,
  });
  if (made.code !== 0) throw new Error(`no cluster for \`${podKey}\`: ${made.stderr}`);
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    fsync: 'off',
    jit: 'off',
    log_connections: 'on',
  };
  const server = await lab.spawn({
    in: podKey,
    argv: [
      ...asSomebody,
      join(binaries, 'postgres'),
      ...['-D', data],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    confined: false,
    name: `${podKey}.postgres`,
  });
  await server.waitForLine(/ready to accept connections/, startMs);
  const connections = () => connectionsIn(readFileSync(server.stderrPath, 'utf8'), port);
  return { process: server, sightings: connections, connections, requests: () => [] };
}

/** @param log lines such as `… LOG:  connection received: host=127.0.0.1 port=40112`, each whole. */
export function connectionsIn(log: string, port: number): readonly AppConnection[] {
  return [...log.matchAll(/ connection received: host=(\S+) port=(\d+)\n/g)].map(([, peer = '', peerPort]) => ({
    ...{ kind: 'connection', port, peer },
    peerPort: Number(peerPort),
  }));
}

/** `nobody`, by number. */
const asSomebody = ['unshare', '--user', '--map-user=65534', '--map-group=65534', 'setpriv', '--no-new-privs', '--'];
