/** Every query is answered by an index, in order: the plans, as PostgreSQL tells them of a table that is not small. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresSchema } from '../../../src/evidence/postgres/postgres-schema.ts';
import { postgresStatement, type ReplicaSpan } from '../../../src/evidence/postgres/postgres-statement.ts';
import type { EventQuery } from '../../../src/evidence/store.ts';
import { postgresBinaries } from '../../../src/lab/postgres.ts';
import { PostgresServer } from './postgres-server.ts';

const rows = 20_000;

describe.skipIf(postgresBinaries() === undefined)('a query in PostgreSQL (skipped where there is none)', () => {
  let server: PostgresServer;
  let database: string;

  beforeAll(async () => {
    server = await PostgresServer.start();
    database = await server.makeDatabase();
    await server.sql(database, postgresSchema);
    const body = `json_build_object('decision', 'd' || n, 'trace', 't' || n, 'workload', 'a/w' || n % 500, 'verdict', 'deny',
      'from', json_build_object('identity', 'spiffe://x/ns/a/sa/s' || n % 500, 'workload', 'a/f' || n % 500, 'address', '10.0.0.' || n % 200 || ':1'),
      'to', json_build_object('workload', 'a/t' || n % 500), 'about', 'b' || n % 500, 'request', json_build_object('path', '/p/' || n))`;
    await server.sql(
      database,
      `INSERT INTO coffre.replica VALUES ('r', '', 1), ('s', '', 1);
       INSERT INTO coffre.record (replica, position, id, kind, class, at_ms, tenant, epoch, stream, sequence, body_digest, link, batch, body)
       SELECT CASE WHEN n % 2 = 0 THEN 'r' ELSE 's' END, n, 'i' || n, 'denial', 'security', n, 't' || n % 100, 1, '', 0, '', '', n, ${body}
       FROM generate_series(1, ${rows}) AS n`,
    );
    await server.sql(database, 'ANALYZE coffre.record');
  });
  afterAll(() => server.remove());

  async function planOf(query: Omit<EventQuery, 'limit'>, spans?: readonly ReplicaSpan[]): Promise<string> {
    const { sql, parameters } = postgresStatement({ limit: 10, ...query }, spans, 11);
    const literal = (value: unknown): string => {
      if (Array.isArray(value)) return `ARRAY[${value.map(literal).join()}]`;
      return typeof value === 'number' ? `${value}` : `'${String(value)}'`;
    };
    const told = sql.replaceAll(/\$(\d+)/g, (_, number) => literal(parameters[Number(number) - 1]));
    return (await server.sql(database, `EXPLAIN ${told}`)).map((row) => row['QUERY PLAN']).join('\n');
  }

  const wants: readonly (readonly [Omit<EventQuery, 'limit'>, readonly string[]])[] = [
    [{ id: 'd7' }, ['record_by_id', 'record_by_decision', 'record_by_trace']],
    [{ identity: 'spiffe://x/ns/a/sa/s7' }, ['record_by_from_identity', 'record_by_subject']],
    [{ from: 'a/f7' }, ['record_by_from_account', 'record_by_from_workload', 'record_by_from_host']],
    [{ to: 'a/t7' }, ['record_by_to_workload']],
    [{ path: '/p/77' }, ['record_by_path']],
    [{ path: '/p/77*' }, ['record_by_path']],
    [{ tenant: 't7' }, ['record_by_tenant']],
    [{ sinceMs: 100, untilMs: 120 }, ['record_by_time']],
    [{}, ['record_by_batch']],
    [{ verdict: 'deny' }, ['record_by_']],
    [{ kinds: ['denial'] }, ['record_by_']],
  ];

  test.each(wants)('by %j goes by its index, and scans nothing', async (query, indices) => {
    const plan = await planOf(query);
    for (const index of indices) expect(plan).toContain(index);
    expect(plan).not.toContain('Seq Scan');
  });

  test('behind cursors it goes along each chain', async () => {
    const spans = ['r', 's'].map((replica) => ({ replica, after: rows - 100, upTo: rows }));
    const plan = await planOf({ after: {} }, spans);
    expect(plan).toContain('record_pkey');
    expect(plan).not.toContain('Seq Scan');
  });
});
