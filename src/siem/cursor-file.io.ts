/**
 * How far a sink was told, in a file of its own that is whole or absent.
 *
 *   temporary file ──write, fsync──▶ rename over the cursor ──▶ fsync of the folder
 *
 * It is written after a delivery: a kill between the two tells a batch twice, and none never.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './line-writer.io.ts';

export interface SinkCursor {
  /** Whose chain. */
  readonly replica: string;
  /** The newest that was told, or that nobody is to be told. */
  readonly position: number;
  /** The chain had reached it when the sink came: what had been pruned of it by then is no loss. */
  readonly since: number;
}

/** @returns undefined where there is none. @throws where there is one that cannot be read: to begin again is the operator's choice. */
export async function readCursor(path: string): Promise<SinkCursor | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const cursor = cursorOf(text);
  if (cursor === undefined)
    throw new Error(`${path} is damaged; remove it, and everything that is kept is told once more`);
  return cursor;
}

export async function writeCursor(path: string, cursor: SinkCursor): Promise<void> {
  const temporary = `${path}.new`; // one forwarder a cursor, so one name
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(cursor)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

function cursorOf(text: string): SinkCursor | undefined {
  try {
    const read: Partial<Record<string, unknown>> = JSON.parse(text);
    const { replica, position, since } = read;
    return typeof replica === 'string' && isPosition(position) && isPosition(since)
      ? { replica, position, since }
      : undefined;
  } catch {
    return undefined;
  }
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
