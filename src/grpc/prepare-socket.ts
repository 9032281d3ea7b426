/**
 * Makes the place of a Unix socket ready to be bound: removes the file that a killed process left behind, and only that.
 * The surprise: a missing folder is reported by the system as "forbidden", so it is looked for here.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { removeDeadSocket } from './dead-socket.ts';
import { unixPathOf, unixScheme } from './listen-options.ts';

/** @param address as given to the server; anything but a Unix socket is ready as it is. */
export async function prepareSocket(address: string): Promise<'ready' | 'no-such-folder'> {
  if (!address.startsWith(unixScheme)) return 'ready';
  const path = unixPathOf(address);
  const folder = await stat(dirname(path)).catch(() => null);
  if (!folder?.isDirectory()) return 'no-such-folder';
  await removeDeadSocket(path);
  return 'ready';
}
