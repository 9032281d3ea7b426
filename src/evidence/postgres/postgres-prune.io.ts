/**
 * Takes bodies away that are older than their class is kept, a few at a time, so that no write waits long.
 *
 *   event `pruned` (class, before) ──▶ bodies and nonces of that class ──▶ a beginning without any body: behind a signed base
 *
 * What may be taken the database decides, by functions (postgres-schema.ts): this side may not change a record at all.
 * A replica prunes its own chain only, since what it takes is an event of that chain.
 */
import { signHead } from '../chain/head.ts';
import type { PruneAnswer, RetentionRules } from '../store.ts';
import type { Query } from './postgres-session.io.ts';
import { baseOf } from './postgres-source.io.ts';
import type { PostgresWriter } from './postgres-writer.io.ts';

/** Records of one transaction: a write waits for as many at most. */
const recordsAtOnce = 1_000;

/** Each step is one transaction; the caller may write between two. */
export async function* prune(
  writer: PostgresWriter,
  rules: RetentionRules,
  nowMs: number,
): AsyncGenerator<undefined, PruneAnswer, undefined> {
  const { replica } = writer.signing;
  let records = 0;
  for (const [name, keptMs] of Object.entries(rules)) {
    const beforeMs = nowMs - keptMs;
    const announced = await attempt(writer, async (query) => {
      const sql = 'SELECT count(*)::integer AS count FROM coffre.outlived($1, $2, $3)';
      const count = Number((await query(sql, [replica, name, beforeMs]))[0]?.['count']);
      const text = `${count} records of class \`${name}\` from before ${new Date(beforeMs).toISOString()}`;
      const pruned = { class: name as keyof RetentionRules, beforeMs, records: count };
      if (count > 0) await writer.tell(query, { atMs: nowMs, what: 'pruned', text, pruned });
      return count;
    });
    if (typeof announced !== 'number') return announced;
    yield;
    for (let taken = 0; taken < announced; ) {
      const step = await attempt(writer, async (query) => {
        const sql = 'SELECT coffre.take_bodies($1, $2, $3, $4) AS taken';
        return Number((await query(sql, [replica, name, beforeMs, recordsAtOnce]))[0]?.['taken']);
      });
      if (typeof step !== 'number') return step;
      if (step === 0) break;
      taken += step;
      records += step;
      yield;
    }
  }
  for (;;) {
    const dropped = await attempt(writer, (query) => dropBeginning(writer, query, nowMs));
    if (typeof dropped !== 'number') return dropped;
    if (dropped === 0) return { kind: 'pruned', records };
    yield;
  }
}

async function attempt(
  writer: PostgresWriter,
  act: (query: Query) => Promise<number>,
): Promise<number | Extract<PruneAnswer, { kind: 'failed' }>> {
  const outcome = await writer.transact(async (query) => ({ kind: 'written' as const, count: await act(query) }));
  return outcome.kind === 'written' ? outcome.count : { kind: 'failed', message: outcome.message };
}

/** Moves the base forward over records that have no body, so that their rows can go. @returns how many went. */
async function dropBeginning({ signing }: PostgresWriter, query: Query, nowMs: number): Promise<number> {
  const { replica, signingKey } = signing;
  const start = (await baseOf(query, replica))?.position ?? 0;
  const [place] = await query(
    `SELECT
       (SELECT position FROM coffre.head WHERE replica = $1 ORDER BY position DESC OFFSET 1 LIMIT 1) AS head,
       (SELECT position FROM coffre.record WHERE replica = $1 AND body IS NOT NULL ORDER BY position LIMIT 1) AS whole`,
    [replica],
  );
  const position = Math.min(Number(place?.['whole'] ?? 0) - 1, Number(place?.['head'] ?? 0) - 1, start + recordsAtOnce);
  if (position <= start) return 0;
  const [row] = await query('SELECT link FROM coffre.record WHERE replica = $1 AND position = $2', [replica, position]);
  const link = row?.['link'];
  if (!(link instanceof Uint8Array)) throw new Error(`record ${position} is missing`);
  const hash = Buffer.from(link).toString('hex');
  const base = signHead(signingKey, 'base', { replica, position, hash, atMs: nowMs });
  await query('SELECT coffre.drop_beginning($1, $2, $3, $4, $5)', [replica, position, hash, nowMs, base.signature]);
  return position - start;
}
