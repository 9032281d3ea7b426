/**
 * Opens a replica's chain for its writer: makes the tables where they are missing, takes the next epoch, and judges what it finds.
 *
 *   tables (once, by whoever comes first) ──▶ epoch + 1, told to everybody ──▶ the one before lays down its pen ──▶ judged
 *
 * What an older epoch writes is refused inside its transaction, so that a pause at any point is harmless. That the one
 * before is also waited for is courtesy, and bounded: it knows that it is fenced before the new one is open.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { chainStart } from '../chain/chain.ts';
import { publicKeyOf } from '../chain/head.ts';
import { headOf, recordColumns, recordOf } from '../sqlite/sqlite-rows.ts';
import type { StoredDrill } from '../store.ts';
import { postgresFormat, postgresSchema } from './postgres-schema.ts';
import { messageOf, type Query, type Session, sqlState } from './postgres-session.io.ts';
import { baseOf } from './postgres-source.io.ts';
import { changedInTail, fits } from './postgres-tail.ts';

/** Everybody's name for what is told about epochs, and numbers of the locks: any, as long as nobody else has them. */
export const fenceChannel = 'coffre_fence';
const schemaLock = 0x636f6672;

/** Begins a transaction that sees the database as it is now, whoever writes meanwhile. */
export const oneMoment = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/** What the server says where a lock was not to be had in time. */
const lockNotAvailable = '55P03';

export interface OpenedChain {
  readonly epoch: number;
  readonly findings: readonly string[];
  /** Why nothing is written behind what is there. */
  readonly damage?: string;
  readonly drills: readonly StoredDrill[];
}

/** @throws where the server is not there, or the chain is not ours to write. */
export async function openChain(session: Session, replica: string, signingKey: KeyObject): Promise<OpenedChain> {
  await makeTables(session);
  const publicKey = createPublicKey(signingKey);
  const epoch = await session.transaction(async (query) => {
    await claim(query, replica, publicKey);
    return takeEpoch(query, replica);
  });
  const isAlone = await takePen(session.query, replica);
  const late = `a control plane that had the chain of \`${replica}\` before is still connected, and writes no more`;
  const judged = async (query: Query): Promise<OpenedChain> => {
    const changed = await changedEnd(query, replica, publicKey);
    const { drills, changes } = await judgedDrills(query);
    const places = [...(changed === undefined ? [] : [{ replica, position: changed }]), ...changes];
    const cure = 'so nothing more is written; restore the database from a backup';
    const damage = places.map(
      (place) => `record ${place.position} of \`${place.replica}\` was changed after it was written`,
    );
    const [first] = damage;
    return {
      epoch,
      findings: [...(isAlone ? [] : [late]), ...damage],
      ...(first === undefined ? {} : { damage: `${first}, ${cure}` }),
      drills: drills.filter((drill) => drill.replica !== replica || drill.position < (changed ?? Infinity)),
    };
  };
  return session.transaction(judged, { begin: oneMoment });
}

/** A session has it while it may write; the next one waits for it. @returns false where it was not laid down in time. */
export async function takePen(query: Query, replica: string): Promise<boolean> {
  try {
    await query('SELECT pg_advisory_lock(hashtext($1), hashtext($2))', [fenceChannel, replica]);
    return true;
  } catch (error) {
    if (sqlState(error) === lockNotAvailable) return false;
    throw error;
  }
}

async function makeTables(session: Session): Promise<void> {
  let format = await formatOf(session.query);
  if (format === undefined) {
    const made = session.transaction(async (query) => {
      await query('SELECT pg_advisory_xact_lock($1)', [schemaLock]); // replicas start together
      const there = await formatOf(query);
      if (there === undefined) await query(postgresSchema);
      return there ?? postgresFormat;
    });
    format = await made.catch((error: unknown) => {
      const cure = 'let the owner of the database make them once';
      throw new Error(`its tables are missing, and could not be made (${messageOf(error)}); ${cure}`, { cause: error });
    });
  }
  if (format !== postgresFormat)
    throw new Error(`its tables are in format ${format}, and this version knows ${postgresFormat}`);
}

/** Looks at the catalogue's own tables: `to_regclass` remembers, within a transaction, that there was none. */
async function formatOf(query: Query): Promise<number | undefined> {
  const [there] = await query(
    `SELECT relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
     WHERE nspname = 'coffre' AND relname = 'format'`,
  );
  if (there === undefined) return undefined;
  const [row] = await query('SELECT max(number) AS number FROM coffre.format');
  return Number(row?.['number']);
}

/** A chain belongs to one key, from its first opening. */
async function claim(query: Query, replica: string, publicKey: KeyObject): Promise<void> {
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  await query('INSERT INTO coffre.replica (name, public_key, epoch) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING', [
    replica,
    pem,
  ]);
  const [chain] = await query('SELECT public_key FROM coffre.replica WHERE name = $1', [replica]);
  if (!publicKeyOf(String(chain?.['public_key'])).equals(publicKey))
    throw new Error(
      `the heads of \`${replica}\` are signed with another key; restore the state folder that belongs to it, or take another name`,
    );
}

/** Higher than any that the chain knows of, be it in a record. */
async function takeEpoch(query: Query, replica: string): Promise<number> {
  const [row] = await query(
    `UPDATE coffre.replica SET epoch = 1 + greatest(epoch, coalesce(
       (SELECT record.epoch FROM coffre.record WHERE record.replica = $1 ORDER BY position DESC LIMIT 1), 0))
     WHERE name = $1 RETURNING epoch`,
    [replica],
  );
  const epoch = Number(row?.['epoch']);
  await query('SELECT pg_notify($1, $2)', [fenceChannel, `${epoch} ${replica}`]);
  return epoch;
}

async function changedEnd(query: Query, replica: string, publicKey: KeyObject): Promise<number | undefined> {
  const base = await baseOf(query, replica);
  const heads = await query(
    'SELECT position, hash, at_ms, signature FROM coffre.head WHERE replica = $1 ORDER BY position DESC LIMIT 2',
    [replica],
  );
  const from = Number(heads[1]?.['position'] ?? 0);
  const records = await query(
    `SELECT ${recordColumns} FROM coffre.record WHERE replica = $1 AND position >= $2 ORDER BY position`,
    [replica, from],
  );
  const tail = { replica, ...(base && { base }), heads: heads.map((row) => headOf(replica, row)) };
  return changedInTail({ ...tail, records: records.map(recordOf) }, publicKey);
}

interface PlacedDrill extends StoredDrill {
  readonly replica: string;
}

interface Place {
  readonly replica: string;
  readonly position: number;
}

/** Of all replicas: a drill is known to each of them. Behind a record that was changed, its stream is not told. */
async function judgedDrills(
  query: Query,
): Promise<{ readonly drills: readonly PlacedDrill[]; readonly changes: readonly Place[] }> {
  const columns = recordColumns.replaceAll(/\w+/g, 'record.$&');
  const rows = await query(
    `SELECT record.replica, ${columns}, before.link AS link_before, base.hash AS base_hash
     FROM coffre.record
     LEFT JOIN coffre.record AS before ON before.replica = record.replica AND before.position = record.position - 1
     LEFT JOIN coffre.base ON base.replica = record.replica AND base.position = record.position - 1
     WHERE record.stream > '' ORDER BY record.batch, record.position`,
  );
  const drills: PlacedDrill[] = [];
  const changes: Place[] = [];
  const distrusted = new Set<string>();
  for (const row of rows) {
    const replica = String(row['replica']);
    const record = recordOf(row);
    const { link_before: before, base_hash: base } = row;
    const start = typeof base === 'string' ? Buffer.from(base, 'hex') : chainStart(replica);
    if (record.kind === 'withheld') continue; // rows hold none
    const { stream, sequence, epoch } = record.meta;
    const text = record.kind === 'whole' ? drillTextOf(record.body) : '';
    const body = fits(before instanceof Uint8Array ? before : start, record) ? text : undefined;
    if (body === undefined) {
      changes.push({ replica, position: record.position });
      distrusted.add(stream);
    } else if (!distrusted.has(stream))
      drills.push({ replica, position: record.position, stream, sequence, epoch, body });
  }
  return { drills, changes };
}

/** @param body of the record of a drill. @returns what the run book wrote; undefined where another hand did. */
export function drillTextOf(body: string): string | undefined {
  try {
    const { body: text } = JSON.parse(body);
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}
