/**
 * Takes bodies away that are older than their class is kept, a few at a time, so that no write waits long.
 *
 *   event `pruned` (class, before) ──▶ bodies and nonces of that class ──▶ a beginning without any body: behind a signed base
 *
 * The event comes first: a body that is gone without one was taken by somebody else. Never pruned: a `pruned` event that
 * no later one stands for; a drill of which anything is younger; and a stream that is no drill's, such as the safety
 * lever's, since it is state.
 */
import { signHead } from '../chain/head.ts';
import type { PruneAnswer, RetentionRules } from '../store.ts';
import { originOf } from './sqlite-source.io.ts';
import type { SqliteWriter } from './sqlite-writer.io.ts';

/** Records of one transaction: a write waits for as many at most. */
const recordsAtOnce = 1_000;

/** Condition for one class; its parameters are the class and twice the time. */
export const outlived = `
  body IS NOT NULL AND class = ? AND at_ms < ?
  AND (stream = '' OR stream LIKE '%/%' AND NOT EXISTS (
    SELECT 1 FROM record AS younger WHERE younger.stream = record.stream AND younger.stream > '' AND younger.at_ms >= ?))
  AND (kind <> 'store' OR body ->> '$.pruned.class' IS NULL OR EXISTS (
    SELECT 1 FROM record AS later WHERE later.kind = 'store' AND later.position > record.position
    AND later.body ->> '$.pruned.class' = record.body ->> '$.pruned.class'
    AND later.body ->> '$.pruned.beforeMs' >= record.body ->> '$.pruned.beforeMs'))`;

/** Each step is one transaction; the caller may write between two. */
export function* prune(
  writer: SqliteWriter,
  rules: RetentionRules,
  nowMs: number,
): Generator<undefined, PruneAnswer, undefined> {
  let records = 0;
  for (const [name, keptMs] of Object.entries(rules) as [keyof RetentionRules, number][]) {
    const beforeMs = nowMs - keptMs;
    const parameters = [name, beforeMs, beforeMs];
    const announced = attempt(writer, () => {
      const row = writer.database.prepare(`SELECT count(*) AS count FROM record WHERE ${outlived}`).get(...parameters);
      const count = Number(row?.['count']);
      const text = `${count} records of class \`${name}\` from before ${new Date(beforeMs).toISOString()}`;
      if (count > 0)
        writer.tell({ atMs: nowMs, what: 'pruned', text, pruned: { class: name, beforeMs, records: count } });
      return count;
    });
    if (typeof announced !== 'number') return announced;
    yield;
    for (let taken = 0; taken < announced; ) {
      const changed = attempt(writer, () =>
        Number(
          writer.database
            .prepare(
              `UPDATE record SET body = NULL, nonce = NULL WHERE position IN (
                 SELECT position FROM record WHERE ${outlived} LIMIT ${recordsAtOnce})`,
            )
            .run(...parameters).changes,
        ),
      );
      if (typeof changed !== 'number') return changed;
      if (changed === 0) break;
      taken += changed;
      records += changed;
      yield;
    }
  }
  for (;;) {
    const dropped = attempt(writer, () => dropBeginning(writer, nowMs));
    if (typeof dropped !== 'number') return dropped;
    if (dropped === 0) return { kind: 'pruned', records };
    yield;
  }
}

function attempt(writer: SqliteWriter, act: () => number): number | Extract<PruneAnswer, { kind: 'failed' }> {
  const outcome = writer.transact(() => {
    writer.insist();
    return [act()] as const;
  });
  return 'kind' in outcome ? { kind: 'failed', message: outcome.message } : outcome[0];
}

/** Moves the base forward over records that have no body, so that their rows can go. @returns how many went. */
function dropBeginning({ database, signing }: SqliteWriter, nowMs: number): number {
  const { replica, signingKey } = signing;
  const start = originOf(database).base?.position ?? 0;
  const [oldestHead, firstWhole] = [
    // The two newest heads stand on records that opening looks at.
    database.prepare(
      'SELECT min(position) AS position FROM (SELECT position FROM head ORDER BY position DESC LIMIT 2)',
    ),
    database.prepare('SELECT position FROM record WHERE body IS NOT NULL ORDER BY position LIMIT 1'),
  ].map((statement) => Number(statement.get()?.['position'] ?? 0));
  const position = Math.min((firstWhole ?? 0) - 1, (oldestHead ?? 0) - 1, start + recordsAtOnce);
  if (position <= start) return 0;
  const row = database.prepare('SELECT link FROM record WHERE position = ?').get(position);
  const link = row?.['link'];
  if (!(link instanceof Uint8Array)) throw new Error(`record ${position} is missing`);
  const base = signHead(signingKey, 'base', {
    replica,
    position,
    hash: Buffer.from(link).toString('hex'),
    atMs: nowMs,
  });
  database
    .prepare('INSERT OR REPLACE INTO base (id, position, hash, at_ms, signature) VALUES (1, ?, ?, ?, ?)')
    .run(position, base.hash, nowMs, base.signature);
  database.prepare('DELETE FROM record WHERE position <= ?').run(position);
  database.prepare('DELETE FROM head WHERE position <= ?').run(position);
  return position - start;
}
