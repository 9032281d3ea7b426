/**
 * One replica's chain in PostgreSQL, read by somebody who need not be its writer, a page at a time.
 *
 * Heads come right behind the record they sign, as ChainCheck wants them.
 */
import type { ChainOrigin } from '../chain/chain-check.ts';
import type { ChainPart } from '../chain/chain-part.ts';
import { headOf, recordColumns, recordOf } from '../sqlite/sqlite-rows.ts';
import type { SignedHead } from '../store.ts';
import type { Query } from './postgres-session.io.ts';

/** Most records of one page. */
export const recordsPerPage = 1_000;

export interface PostgresOrigin extends ChainOrigin {
  /** PEM, as the database says: for information, never for trust. */
  readonly publicKeyPem: string;
}

/** @throws where the database has no such chain. */
export async function originOf(query: Query, replica: string): Promise<PostgresOrigin> {
  const [chain] = await query('SELECT public_key FROM coffre.replica WHERE name = $1', [replica]);
  if (chain === undefined) throw new Error(`it holds no chain of replica \`${replica}\``);
  const base = await baseOf(query, replica);
  return { replica, publicKeyPem: String(chain['public_key']), ...(base && { base }) };
}

export async function baseOf(query: Query, replica: string): Promise<SignedHead | undefined> {
  const [base] = await query('SELECT position, hash, at_ms, signature FROM coffre.base WHERE replica = $1', [replica]);
  return base && headOf(replica, base);
}

/**
 * The records behind a position, and the heads up to the last of them; at the end of the chain, those beyond it too.
 * Asked twice it is not the same moment, unless the caller's transaction makes it so.
 */
export async function pageOf(query: Query, replica: string, after: number): Promise<readonly ChainPart[]> {
  const rows = await query(
    `SELECT ${recordColumns} FROM coffre.record WHERE replica = $1 AND position > $2 ORDER BY position LIMIT $3`,
    [replica, after, recordsPerPage],
  );
  const records = rows.map(recordOf);
  const last = records.length < recordsPerPage ? Number.MAX_SAFE_INTEGER : (records.at(-1)?.position ?? after);
  const heads = await query(
    `SELECT position, hash, at_ms, signature FROM coffre.head WHERE replica = $1 AND position > $2 AND position <= $3
     ORDER BY position`,
    [replica, after, last],
  );
  const parts: ChainPart[] = [
    ...records.map((record) => ({ kind: 'record' as const, record })),
    ...heads.map((row) => ({ kind: 'head' as const, head: headOf(replica, row) })),
  ];
  // Sorting is stable: a head stays behind the record of its position.
  return parts.sort((left, right) => positionOf(left) - positionOf(right));
}

/** All of a chain behind its base, page by page; one moment of it where the caller's transaction makes it so. */
export async function* partsOf(query: Query, replica: string, after: number): AsyncGenerator<ChainPart> {
  let last: number | undefined = after;
  while (last !== undefined) {
    const page: readonly ChainPart[] = await pageOf(query, replica, last);
    yield* page;
    const end = page.at(-1);
    last = end && positionOf(end);
  }
}

export function positionOf(part: ChainPart): number {
  return part.kind === 'head' ? part.head.position : part.record.position;
}
