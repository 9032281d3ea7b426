/**
 * Whether the files of the store are still those that we write into: not moved, not removed, not overwritten.
 *
 * SQLite does not ask. It holds the file open, knows its pages and its log by heart, and writes on.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** First bytes of database and log. Source: SQLite's database file format, sections 1.3.1 and 4.1. */
const databaseMagic = Buffer.from('SQLite format 3\0');
const logMagics: readonly number[] = [0x377f0682, 0x377f0683];

/**
 * @param path of the database, whose log stands beside it.
 * @param file a handle on the database that we write into.
 * @returns undefined where nothing is wrong. @throws where a file is not there or cannot be read.
 */
export function fileTrouble(path: string, file: number): string | undefined {
  const [ours, there] = [fstatSync(file), statSync(path)];
  if (ours.ino !== there.ino || ours.dev !== there.dev) return `${path} was moved away, and another file is there`;
  // Of the log no handle is kept: SQLite has no locks on it that closing one would give up.
  const log = openSync(`${path}-wal`, 'r');
  try {
    const head = headOf(log, 4);
    const isLog = head.length === 4 && logMagics.includes(head.readUInt32BE());
    const isDatabase = databaseMagic.equals(headOf(file, databaseMagic.length));
    return isLog && isDatabase ? undefined : `${path} was overwritten`;
  } finally {
    closeSync(log);
  }
}

function headOf(file: number, bytes: number): Buffer {
  const head = Buffer.alloc(bytes);
  return head.subarray(0, readSync(file, head, 0, bytes, 0));
}
