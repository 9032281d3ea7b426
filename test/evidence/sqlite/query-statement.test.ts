/** Every query is answered by an index: the plans, as SQLite tells them. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { statementOf } from '../../../src/evidence/sqlite/query-statement.ts';
import { outlived } from '../../../src/evidence/sqlite/sqlite-prune.io.ts';
import { newestOfStream, SqliteWriter } from '../../../src/evidence/sqlite/sqlite-writer.io.ts';
import type { EventQuery } from '../../../src/evidence/store.ts';

let folder: string;
let writer: SqliteWriter;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-plan-'));
  const signingKey = generateKeyPairSync('ed25519').privateKey;
  writer = SqliteWriter.open({ path: join(folder, 'x.db'), replica: 'r', signingKey, bytesMax: 1e9, nowMs: 0 });
});

afterAll(() => {
  writer.close();
  rmSync(folder, { recursive: true });
});

function planOf(query: Omit<EventQuery, 'limit'>): readonly string[] {
  const { sql, parameters } = statementOf({ limit: 10, ...query }, { after: 0, upTo: 1_000_000 }, 11);
  const rows = writer.database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
  return rows.map(({ detail }) => String(detail));
}

const wants: readonly (readonly [keyof EventQuery, string, readonly string[]])[] = [
  ['id', 'x', ['record_by_id', 'record_by_decision', 'record_by_trace']],
  ['identity', 'spiffe://x/ns/a/sa/b', ['record_by_from_identity', 'record_by_subject']],
  [
    'identity',
    'a/b',
    ['record_by_from_account', 'record_by_from_workload', 'record_by_to_workload', 'record_by_workload'],
  ],
  ['from', 'a/b', ['record_by_from_account', 'record_by_from_workload', 'record_by_from_host']],
  ['to', 'a/b', ['record_by_to_workload']],
  ['path', '/a', ['record_by_path']],
  ['path', '/a*', ['record_by_path']],
  ['verdict', 'deny', ['record_by_verdict']],
  ['tenant', 'a', ['record_by_tenant']],
];

test.each(wants)('a query by %s of `%s` searches an index and scans nothing', (field, value, indices) => {
  const plan = planOf({ [field]: value });
  for (const index of indices)
    expect(plan.join('\n')).toMatch(new RegExp(`SEARCH record USING (?:COVERING )?INDEX ${index} `));
  expect(plan.filter((step) => /^SCAN record/.test(step))).toEqual([]);
});

test('by kind or by time it searches an index', () => {
  expect(planOf({ kinds: ['denial'] }).join('\n')).toContain('INDEX record_by_kind');
  expect(planOf({ sinceMs: 1, untilMs: 2 }).join('\n')).toContain('INDEX record_by_time');
});

test('without a filter, and behind a cursor, it goes along the chain and sorts nothing', () => {
  for (const query of [{}, { after: {} }]) {
    const plan = planOf(query).join('\n');
    expect(plan).toContain('SEARCH record USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)');
    expect(plan).not.toContain('SCAN record');
  }
});

test('one of several names for the same thing is merged in order, and not sorted', () => {
  const plan = planOf({ id: 'x' }).join('\n');
  expect(plan).toContain('MERGE (UNION)');
});

test('the newest record of a stream, and what a class has outlived, are found by index', () => {
  const planOfText = (sql: string, ...parameters: readonly (string | number)[]) =>
    writer.database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...parameters)
      .map(({ detail }) => String(detail))
      .join('\n');
  expect(planOfText(newestOfStream, 'a/b')).toBe('SEARCH record USING INDEX record_by_stream (stream=?)');
  const pruning = planOfText(`SELECT position FROM record WHERE ${outlived}`, 'audit', 1, 1);
  expect(pruning).toContain('SEARCH record USING INDEX record_kept (class=? AND at_ms<?)');
  expect(pruning).toContain('SEARCH younger USING INDEX record_by_stream (stream=?');
  expect(pruning).toContain('SEARCH later USING INDEX record_by_kind (kind=?');
});
