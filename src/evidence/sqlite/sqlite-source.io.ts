/**
 * A store's file, read by somebody who need not be its writer: as a chain, in order, while it is being written.
 *
 * Heads come right behind the record they sign, as ChainCheck wants them.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { ChainOrigin } from '../chain/chain-check.ts';
import type { ChainPart } from '../chain/chain-part.ts';
import { headOf, recordColumns, recordOf } from './sqlite-rows.ts';
import { format } from './sqlite-tables.ts';

/** Longest that a reader waits for a lock, in ms: with a write-ahead log it meets one only while the file is being opened. */
const lockWaitMs = 1_000;

/** @throws where it cannot be read. A file whose folder we may not write to is read as it is, without its log. */
export function openReadOnly(path: string): DatabaseSync {
  const alone = !existsSync(`${path}-wal`);
  try {
    return checked(new DatabaseSync(path, { readOnly: true, timeout: lockWaitMs }));
  } catch (error) {
    if (!alone || !existsSync(path)) throw error;
    const asItIs = pathToFileURL(path);
    asItIs.searchParams.set('immutable', '1');
    return checked(new DatabaseSync(asItIs, { readOnly: true }));
  }
}

function checked(database: DatabaseSync): DatabaseSync {
  try {
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version !== format) throw new Error(`it is in format ${version}, and this version knows ${format}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export interface SqliteOrigin extends ChainOrigin {
  /** PEM, as the file says: for information, never for trust. */
  readonly publicKeyPem: string;
}

export function originOf(database: DatabaseSync): SqliteOrigin {
  const chain = database.prepare('SELECT replica, public_key FROM chain').get();
  if (chain === undefined) throw new Error('it does not say which chain it is');
  const replica = String(chain['replica']);
  const base = database.prepare('SELECT position, hash, at_ms, signature FROM base').get();
  return {
    replica,
    publicKeyPem: String(chain['public_key']),
    ...(base === undefined ? {} : { base: headOf(replica, base) }),
  };
}

/** @param after the position behind which to begin. @param count most records. */
export function* partsOf(
  database: DatabaseSync,
  replica: string,
  after: number,
  count: number = Number.MAX_SAFE_INTEGER,
): Generator<ChainPart> {
  const heads = database
    .prepare('SELECT position, hash, at_ms, signature FROM head WHERE position > ? ORDER BY position')
    .iterate(after);
  const rows = database
    .prepare(`SELECT ${recordColumns} FROM record WHERE position > ? ORDER BY position LIMIT ?`)
    .iterate(after, count);
  try {
    let next = heads.next();
    let records = 0;
    for (const row of rows) {
      const record = recordOf(row);
      // A head without its record comes where the record would.
      for (; !next.done && Number(next.value['position']) < record.position; next = heads.next()) {
        yield { kind: 'head', head: headOf(replica, next.value) };
      }
      yield { kind: 'record', record };
      records += 1;
      if (!next.done && Number(next.value['position']) === record.position) {
        yield { kind: 'head', head: headOf(replica, next.value) };
        next = heads.next();
      }
    }
    if (records === count) return; // what is left belongs to the records behind
    for (; !next.done; next = heads.next()) yield { kind: 'head', head: headOf(replica, next.value) };
  } finally {
    heads.return?.(); // one that is left open would hold on to this moment of the file
  }
}
