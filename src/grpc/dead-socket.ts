/**
 * Removes the file of a Unix socket that a killed process left behind, and only that.
 * The surprise: connecting to an ordinary file is "refused" just as to a dead socket, so the file's kind is asked first.
 */
import { lstat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';

export async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() && (await isDead(path))) await unlink(path);
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
