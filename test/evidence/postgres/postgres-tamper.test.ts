/** Whoever may do everything in the database and has no key: what he does is found, and nothing is written behind it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findingText } from '../../../src/evidence/chain/chain-finding.ts';
import type { EvidenceStore } from '../../../src/evidence/store.ts';
import { postgresBinaries } from '../../../src/lab/postgres.ts';
import { denial, noonMs, sampled } from '../event-samples.ts';
import { PostgresServer } from './postgres-server.ts';
import { PostgresWorld } from './postgres-world.ts';

const about = { atMs: noonMs, tenant: 'vault' };

describe.skipIf(postgresBinaries() === undefined)('tampering by SQL (skipped where there is no PostgreSQL)', () => {
  let server: PostgresServer;
  let world: PostgresWorld;

  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  beforeEach(async () => {
    world = await PostgresWorld.make(server);
  });
  afterEach(() => world.remove());
  afterAll(() => server.remove());

  /** Position 1 its opening, 2 to 4 a drill, then events one by one. */
  async function written(events: number): Promise<EvidenceStore> {
    const store = await world.open();
    for (let after = 0; after < 3; after += 1) store.appendDrill('vault/slow', after, `"${after + 1}"`, about);
    for (let at = 0; at < events; at += 1) await store.append([denial(`e${at}`)]);
    await store.close();
    return store;
  }

  async function findings(): Promise<readonly string[]> {
    return (await world.verify()).findings.map(findingText);
  }

  const where = `WHERE replica = 'replica-1' AND position`;
  const harms: readonly (readonly [string, string, string])[] = [
    ['a changed body', `UPDATE coffre.record SET body = replace(body, 'deny', 'dany') ${where} = 6`, 'record 6 is not'],
    ['a body that is no JSON', `UPDATE coffre.record SET body = '{' ${where} = 6`, 'record 6 is not'],
    ['another tenant', `UPDATE coffre.record SET tenant = 'other' ${where} = 6`, 'record 6 is not'],
    ['another link', `UPDATE coffre.record SET link = '\\x00' ${where} = 6`, 'record 6 is not'],
    ['a missing record', `DELETE FROM coffre.record ${where} = 6`, 'record 6 is missing'],
    [
      'a body taken away without a word',
      `UPDATE coffre.record SET body = NULL, nonce = NULL ${where} = 6`,
      'no later record says',
    ],
    [
      'two records that changed places',
      `UPDATE coffre.record SET position = 100 ${where} = 6; UPDATE coffre.record SET position = 6 ${where} = 7;
       UPDATE coffre.record SET position = 7 ${where} = 100`,
      'reordered',
    ],
    ['another signature', `UPDATE coffre.head SET signature = 'AAAA' ${where} = 9`, 'signature'],
    ['an end without a head', `DELETE FROM coffre.head ${where} >= 9`, 'no valid signature'],
  ];

  test.each(harms)('%s is found by the key alone, and where', async (_, harm, said) => {
    await written(6);
    expect(await findings()).toEqual([]);
    await world.tamper(harm);
    expect((await findings()).join('\n')).toContain(said);
  });

  test('an end that was cut back to an old head is found by a witness, and by nobody else', async () => {
    const store = await world.open();
    await store.append([denial('a')]);
    await world.tamper('CREATE TABLE public.saved AS SELECT * FROM coffre.head WHERE position = 2');
    await store.append([denial('b')]);
    await store.close();
    await world.tamper(
      `DELETE FROM coffre.record ${where} > 2`,
      'DELETE FROM coffre.head',
      'INSERT INTO coffre.head SELECT * FROM public.saved',
    );
    expect(await findings()).toEqual([]);
    const report = await world.verify('replica-1', store.head());
    expect(report.findings.map(findingText)).toEqual([expect.stringContaining('truncated')]);
  });

  test('a chain that is passed off as another replica’s, or is not there, is none', async () => {
    await written(2);
    await world.open({ replica: 'other' });
    await world.tamper(
      `DELETE FROM coffre.record WHERE replica = 'other'`,
      `DELETE FROM coffre.head WHERE replica = 'other'`,
      `UPDATE coffre.record SET replica = 'other'`,
      `UPDATE coffre.head SET replica = 'other'`,
      `DELETE FROM coffre.replica WHERE name = 'replica-1'`,
    );
    expect((await world.verify('other')).findings.map(({ kind }) => kind)).toContain('bad-signature');
    expect(await findings()).toEqual([expect.stringContaining('it holds no chain of replica `replica-1`')]);
  });

  const ends: readonly (readonly [string, string, string])[] = [
    ['the last record', `UPDATE coffre.record SET tenant = 'x' ${where} = 8`, 'record 8'],
    ['the last head', `UPDATE coffre.head SET at_ms = 0 ${where} = 8`, 'record 8'],
    ['the end', `DELETE FROM coffre.record ${where} = 8`, 'record 8'],
    [
      'a drill’s record far from the end',
      `UPDATE coffre.record SET body = replace(body, '2', '7') ${where} = 3`,
      'record 3',
    ],
  ];

  test.each(ends)('behind %s, changed, nothing is written, and no drill goes on from it', async (what, harm, said) => {
    await written(4);
    await world.tamper(harm);
    const store = await world.open();
    expect(store.blocked()).toContain(`${said} of \`replica-1\` was changed after it was written`);
    expect(store.findings.join()).toContain(said);
    expect((await store.append([denial('late')])).kind).toBe('blocked');
    expect(store.appendDrill('vault/slow', 3, '4', about).kind).toBe('failed');
    const expected = what.startsWith('a drill') ? ['"1"'] : ['"1"', '"2"', '"3"'];
    expect(store.drillRecords().map(({ body }) => body)).toEqual(expected);
  });

  test('an event that was changed far from the end is found beside the work, and stops it', async () => {
    await written(6);
    await world.tamper(`UPDATE coffre.record SET tenant = 'other' ${where} = 6`);
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const store = await world.open({ onChecked: resolve });
    expect(await promise).toEqual(['record 6 is not what was signed: altered']);
    expect(store.blocked()).toContain('record 6 is not what was signed');
  });

  test('a record that another hand wrote behind ours stops the next append, and is not signed over', async () => {
    // Read beside the work, the forgery would block the store before it is appended behind.
    const { promise: isChecked, resolve } = Promise.withResolvers<void>();
    const store = await world.open({ onChecked: () => resolve() });
    await isChecked;
    await store.append([denial('a')]);
    await world.tamper(
      `INSERT INTO coffre.record (replica, position, id, kind, class, at_ms, tenant, epoch, stream, sequence, body_digest, link, batch)
       SELECT replica, position + 1, 'forged', kind, class, at_ms, tenant, epoch, stream, sequence, body_digest, link, batch
       FROM coffre.record WHERE id = 'a'`,
    );
    expect(await store.append([denial('b')])).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('not as this'),
    });
    expect(store.probe()).toContain('not as this');
  });

  test('what retention took is whole to the key, and its beginning goes behind a signed base', async () => {
    const store = await world.open();
    for (let at = 0; at < 20; at += 1) await store.append([sampled(`s${at}`)]);
    await store.append([denial('kept')]);
    expect(await store.prune({ traffic: 0, audit: 0 }, noonMs + 1)).toEqual({ kind: 'pruned', records: 21 });
    const report = await world.verify('replica-1', store.head());
    expect(report.findings).toEqual([]);
    expect(report.first).toBe(22);
    await store.close();
    const again = await world.open();
    expect(again.blocked()).toBeUndefined();
    expect((await again.append([denial('after')])).kind).toBe('kept');
    expect((await world.verify()).findings).toEqual([]);
  });
});
