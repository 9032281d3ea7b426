/**
 * Opens a store's file for its writer: makes what is missing, takes the next epoch, and judges what it finds.
 *
 *   evidence.db   WAL, synchronous FULL, 0600; deleted content is overwritten
 *
 * Each opening takes a higher epoch, and what an older epoch writes is refused inside its transaction: two writers may
 * live, of a process that hangs and of the one that took over, and a pause at any point is harmless.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { publicKeyOf } from '../chain/head.ts';
import { format, indices, tables } from './sqlite-tables.ts';
import { changedDrill, judgeTail } from './sqlite-tail.io.ts';

/** Longest that a write waits for another handle, in ms. */
const lockWaitMs = 100;

const pageBytes = 4_096;

/** Up to this many pages are looked through while opening, 256 MiB in about a second; a longer file is, later, by the reader. */
export const pagesCheckedAtOnce = 65_536;

/** Largest that the log stays once it was written back, in bytes. */
const logBytesKept = 67_108_864;

/** Pages of log after which it is written back: fewer, and a write waits for it more often; more, and longer. */
const checkpointPages = 2_000;

export interface OpenedFile {
  readonly database: DatabaseSync;
  readonly path: string;
  /** Held until the database is closed: to close any handle of the file gives up every lock that the process has on it. */
  readonly file: number;
  readonly epoch: number;
  readonly findings: readonly string[];
  /** From here on nothing is trusted, and nothing is written. */
  readonly damage?: { readonly position: number; readonly message: string };
  /** Position of a last record that was torn, and is to be cut. */
  readonly torn?: number;
}

export interface FileOptions {
  readonly path: string;
  readonly replica: string;
  readonly signingKey: KeyObject;
  readonly bytesMax: number;
}

/** @throws where it cannot be opened, or is not ours to write. */
export function openFile(options: FileOptions): OpenedFile {
  const { path } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, 'a+', 0o600); // SQLite gives its other files the mode of the first
  try {
    const database = new DatabaseSync(path, { timeout: lockWaitMs });
    try {
      return { database, path, file, ...prepared(database, options) };
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function prepared(
  database: DatabaseSync,
  { path, replica, signingKey, bytesMax }: FileOptions,
): Omit<OpenedFile, 'database' | 'path' | 'file'> {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > format)
    throw new Error(`it was written by a newer version, in format ${version}; this one knows ${format}`);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA journal_size_limit = ${logBytesKept};`);
  database.exec(`BEGIN IMMEDIATE; ${tables}`);
  const publicKey = createPublicKey(signingKey);
  claim(database, replica, publicKey);
  const made = version === 0 ? [] : missingIndices(database);
  database.exec(Object.values(indices).join(';'));
  const epoch = takeEpoch(database);
  database.exec('COMMIT');
  database.exec(`PRAGMA max_page_count = ${Math.ceil(bytesMax / pageBytes)}`);
  const findings = made.map((name) => `${path}: index \`${name}\` was missing and has been made anew`);
  const damage = wornPages(database) ?? judged(database, publicKey);
  if (damage === undefined) return { epoch, findings };
  if (damage.kind === 'torn') return { epoch, findings, torn: damage.position };
  const message = `${path}: ${damage.what}, so nothing more is written; restore the file from a backup, or move it away`;
  return { epoch, findings: [...findings, message], damage: { position: damage.position, message } };
}

/** A file belongs to one chain and one key, from its first opening. */
function claim(database: DatabaseSync, replica: string, publicKey: KeyObject): void {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  database.prepare('INSERT OR IGNORE INTO chain (id, replica, public_key) VALUES (1, ?, ?)').run(replica, pem);
  const chain = database.prepare('SELECT replica, public_key FROM chain').get();
  if (chain?.['replica'] !== replica) throw new Error(`it is the chain of replica \`${chain?.['replica']}\``);
  const known = publicKeyOf(String(chain['public_key']));
  if (!known.equals(publicKey))
    throw new Error('its heads are signed with another key; restore the state folder that belongs to it');
}

function missingIndices(database: DatabaseSync): readonly string[] {
  const rows = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'index'`).all();
  const there = new Set(rows.map(({ name }) => name));
  return Object.keys(indices).filter((name) => !there.has(name));
}

/** Higher than any that the file knows of, be it in a record. */
function takeEpoch(database: DatabaseSync): number {
  database.exec(`UPDATE fence SET epoch = 1 + max(
    epoch, coalesce((SELECT epoch FROM record ORDER BY position DESC LIMIT 1), 0))`);
  return Number(database.prepare('SELECT epoch FROM fence').get()?.['epoch']);
}

interface Changed {
  readonly kind: 'changed';
  readonly position: number;
  readonly what: string;
}

/** Of a file of moderate size. An index that disagrees with its table is made anew; a page that makes no sense is damage. */
function wornPages(database: DatabaseSync): Changed | undefined {
  const pages = Number(database.prepare('PRAGMA page_count').get()?.['page_count']);
  if (pages > pagesCheckedAtOnce) return undefined;
  const complaint = () => String(database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check']);
  if (complaint() === 'ok') return undefined;
  database.exec('REINDEX');
  const left = complaint();
  return left === 'ok' ? undefined : { kind: 'changed', position: 1, what: `its pages are damaged (${left})` };
}

function judged(
  database: DatabaseSync,
  publicKey: KeyObject,
): Changed | { readonly kind: 'torn'; readonly position: number } | undefined {
  const tail = judgeTail(database, publicKey);
  const changed = (position: number): Changed => ({
    kind: 'changed',
    position,
    what: `record ${position} was changed after it was written`,
  });
  const drill = changedDrill(database);
  if (tail.kind === 'changed') return changed(Math.min(tail.position, drill ?? tail.position));
  if (drill !== undefined && (tail.kind === 'whole' || drill < tail.position)) return changed(drill);
  return tail.kind === 'torn' ? tail : undefined;
}
