/**
 * Makes the place of a Unix socket ready to be bound: removes the file that a killed process left behind, and only that.
 * The surprise: connecting to an ordinary file is "refused" just as to a dead socket, so the file's kind is asked first;
 * and a missing folder is reported by the system as "forbidden", so it is looked for here.
 */
import { lstat, stat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';

const unixScheme = 'unix:';

/** @param address as given to the server; anything but a Unix socket is ready as it is. */
export async function prepareSocket(address: string): Promise<'ready' | 'no-such-folder'> {
  if (!address.startsWith(unixScheme)) return 'ready';
  const path = address.slice(unixScheme.length).replace(/^\/\/\//, '/');
  const folder = await stat(dirname(path)).catch(() => null);
  if (!folder?.isDirectory()) return 'no-such-folder';
  const found = await lstat(path).catch(() => null);
  if (found?.isSocket() && (await isDead(path))) await unlink(path);
  return 'ready';
}

/** Nobody listens behind it. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error) => resolve('code' in error && error.code === 'ECONNREFUSED'));
  });
}
