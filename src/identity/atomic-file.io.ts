/**
 * Files that are whole or absent, whatever the moment the process dies.
 *
 *   temporary file ──write, fsync──▶ rename over the target ──▶ fsync of the folder
 *
 * The rename is also what a watcher of the folder sees as one move: Envoy's `watched_directory` reads on moves only.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const privateFileMode = 0o600;
export const privateFolderMode = 0o700;

/** Temporary files begin with this, so that a listing can pass over what a crash left. */
export const temporaryPrefix = '.new-';

/** Replaces the file. */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = await writeTemporary(path, content);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** An unchanged file is not moved, so whoever watches it, such as Envoy, reloads nothing. */
export async function writeIfDifferent(path: string, content: string): Promise<void> {
  const before = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  });
  if (before !== content) await writeFileAtomic(path, content);
}

/** @returns false where the file exists already, which is then left as it is: two processes never both create it. */
export async function createFileAtomic(path: string, content: Uint8Array | string): Promise<boolean> {
  const temporary = await writeTemporary(path, content);
  try {
    await link(temporary, path);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await unlink(temporary);
  }
  await syncFolder(dirname(path));
  return true;
}

export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: privateFolderMode });
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function writeTemporary(path: string, content: Uint8Array | string): Promise<string> {
  const temporary = join(dirname(path), `${temporaryPrefix}${randomUUID()}`);
  const file = await open(temporary, 'wx', privateFileMode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
