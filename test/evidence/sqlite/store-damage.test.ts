/** FLT-32: a store's file that was torn, flipped, cut or moved; what opening it mends, and what it refuses to write behind. */
import { generateKeyPairSync } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyFile } from '../../../src/evidence/chain/verify.io.ts';
import type { EvidenceStore } from '../../../src/evidence/store.ts';
import { denial, noonMs } from '../event-samples.ts';
import { SqliteWorld } from './sqlite-world.ts';

const about = { atMs: noonMs, tenant: 'vault' };
let world: SqliteWorld;

beforeEach(() => {
  world = new SqliteWorld();
});

afterEach(() => world.remove());

/** Drills at positions 2 to 4 behind the opening, then so many events, one commit each; closed. */
async function written(events = 0): Promise<void> {
  const store = await world.open();
  for (let after = 0; after < 3; after += 1) store.appendDrill('vault/slow', after, `{"record":${after + 1}}`, about);
  for (let event = 0; event < events; event += 1) await store.append([denial(`e${event}`)]);
  await store.close();
}

function bodies(store: EvidenceStore): readonly string[] {
  return store.drillRecords().map(({ body }) => body);
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

test('its files are its owner’s only', async () => {
  const store = await world.open();
  await store.append([denial('a')]);
  const modes = readdirSync(world.folder).map((name) => statSync(join(world.folder, name)).mode & 0o077);
  expect(modes.length).toBeGreaterThanOrEqual(3);
  expect(modes.every((mode) => mode === 0)).toBe(true);
});

describe('FLT-32', () => {
  test('a torn last record is cut, told and recorded, and writing goes on behind what is left', async () => {
    await written();
    world.tamper(`UPDATE record SET body = '{"rec' WHERE position = 4`);
    const store = await world.open();
    expect(store.findings).toEqual([expect.stringContaining('record 4, the last, did not fit its digest and was cut')]);
    expect(bodies(store)).toEqual(['{"record":1}', '{"record":2}']);
    expect(store.appendDrill('vault/slow', 2, '{"record":3}', about).kind).toBe('appended');
    const told = await store.query({ kinds: ['store'], limit: 10 });
    expect(told).toMatchObject({
      events: [
        { event: { what: 'opened' } },
        { event: { what: 'tail-cut', text: expect.stringMatching(/replica-1:4:/) } },
        {},
      ],
    });
    expect((await verifyFile(world.path, { publicKeyPem: world.publicKeyPem })).findings).toEqual([]);
  });

  test('a torn last record of a commit of several is cut only where the signature still vouches for the others', async () => {
    const store = await world.open();
    await store.append([denial('a'), denial('b'), denial('c')]);
    await store.close();
    world.tamper(`UPDATE record SET body = 'x' WHERE position = 4`);
    const mended = await world.open();
    expect(mended.blocked()).toBeUndefined();
    await mended.append([denial('d'), denial('e')]);
    await mended.close();
    world.tamper('UPDATE record SET link = zeroblob(32) WHERE position = (SELECT max(position) FROM record)');
    expect((await world.open()).blocked()).toContain('was changed after it was written');
  });

  const changes: readonly (readonly [string, string, number])[] = [
    ['a flipped body', `UPDATE record SET body = replace(body, 'record', 'recorf') WHERE position = 3`, 3],
    ['a body of noise', `UPDATE record SET body = '{' WHERE position = 3`, 3],
    ['a flipped link', 'UPDATE record SET link = zeroblob(32) WHERE position = 3', 3],
    ['another epoch', 'UPDATE record SET epoch = 99 WHERE position = 3', 3],
    ['a record that is gone', 'DELETE FROM record WHERE position = 3', 4],
    ['a record of another drill', `UPDATE record SET stream = 'vault/other', sequence = 1 WHERE position = 3`, 3],
  ];

  test.each(changes)('%s in the middle: read, never written behind, and told where', async (_, change, position) => {
    await written(5);
    world.tamper(change);
    const store = await world.open();
    expect(store.blocked()).toContain(`record ${position} was changed after it was written`);
    expect(store.findings).toHaveLength(1);
    expect(bodies(store)).toContain('{"record":1}');
    expect(bodies(store)).not.toContain('{"record":3}');
    expect(store.appendDrill('vault/slow', 3, '{}', about).kind).toBe('failed');
    expect((await store.append([denial('late')])).kind).toBe('blocked');
    expect((await store.query({ id: 'e4', limit: 1 })).kind).toBe('events');
  });

  test('an event that was changed far from the end is found beside the work, and stops it', async () => {
    await written(6);
    world.tamper(`UPDATE record SET tenant = 'other' WHERE position = 6`);
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const store = await world.open({ onChecked: resolve });
    expect(store.findings).toEqual([]);
    expect(await promise).toEqual(['record 6 is not what was signed: altered']);
    expect(store.blocked()).toContain('record 6 is not what was signed');
    expect((await store.append([denial('late')])).kind).toBe('blocked');
  });

  test('a chain without fault is told to be so, too', async () => {
    await written(6);
    const { promise, resolve } = Promise.withResolvers<readonly [readonly string[], number]>();
    await world.open({ onChecked: (findings, records) => resolve([findings, records]) });
    const [findings, records] = await promise;
    expect(findings).toEqual([]);
    expect(records).toBeGreaterThanOrEqual(10);
  });

  test.each([
    ['records that nobody signed', 'DELETE FROM head WHERE position = (SELECT max(position) FROM head)'],
    [
      'a head that another key signed',
      `UPDATE head SET signature = 'AAAA' WHERE position = (SELECT max(position) FROM head)`,
    ],
    ['an end that is gone', 'DELETE FROM record WHERE position > 4'],
  ])('%s: nothing is written behind it', async (_, change) => {
    await written(3);
    world.tamper(change);
    expect((await world.open()).blocked()).toContain('was changed after it was written');
  });

  test('a missing index is made anew and told', async () => {
    await written(3);
    world.tamper('DROP INDEX record_by_tenant; DROP INDEX record_by_id');
    const store = await world.open();
    expect(store.findings).toEqual([
      expect.stringContaining('record_by_id'),
      expect.stringContaining('record_by_tenant'),
    ]);
    expect(await store.append([denial('e0')])).toMatchObject({ kind: 'kept', skipped: 1 });
  });

  test('a log that was torn loses its last write and nothing before it', async () => {
    const store = await world.open();
    for (let after = 0; after < 3; after += 1) store.appendDrill('vault/slow', after, `${after + 1}`, about);
    const copy = join(world.folder, 'copy');
    mkdirSync(copy);
    for (const suffix of ['', '-wal']) copyFileSync(`${world.path}${suffix}`, join(copy, `evidence.db${suffix}`));
    const log = join(copy, 'evidence.db-wal');
    truncateSync(log, statSync(log).size - 100);
    const torn = await world.open({ folder: copy });
    expect(bodies(torn)).toEqual(['1', '2']);
    expect(torn.appendDrill('vault/slow', 2, '3', about).kind).toBe('appended');
  });

  const files: readonly (readonly [string, () => void, string])[] = [
    [
      'a file that is no database',
      () => writeFileSync(world.path, 'no database, by far'.repeat(500)),
      'not a database',
    ],
    ['a file cut in half', () => truncateSync(world.path, 8_192), 'malformed'],
    ['a page of noise', () => overwrite(world.path, 4_096 + 8, Buffer.alloc(4_000, 0x5a)), 'evidence.db'],
    ['a newer format', () => world.tamper('PRAGMA user_version = 2'), 'written by a newer version'],
    ['the chain of another replica', () => world.tamper(`UPDATE chain SET replica = 'x'`), 'chain of replica `x`'],
  ];

  test.each(files)('%s: nothing is thrown, nothing is written, and it is told', async (_, harm, said) => {
    await written(40);
    harm();
    const store = await world.open();
    expect(store.blocked()).toContain(said);
    expect(store.findings.join()).toContain(said);
    expect(store.appendDrill('vault/slow', 3, '{}', about).kind).toBe('failed');
    expect((await store.append([denial('late')])).kind).toBe('blocked');
    expect(store.drillRecords().length).toBeLessThanOrEqual(3);
  });

  test('another signing key is refused: the chain of one key is never continued with another', async () => {
    await written();
    const store = await world.open({ signingKey: generateKeyPairSync('ed25519').privateKey });
    expect(store.blocked()).toContain('signed with another key');
  });

  test('a folder that cannot be made is told, not thrown', async () => {
    writeFileSync(join(world.folder, 'file'), '');
    const store = await world.open({ folder: join(world.folder, 'file', 'below') });
    expect(store.blocked()).toContain('cannot be opened');
  });
});

describe('a probe', () => {
  const noise = Buffer.alloc(65_536, 0x5a);
  const log = () => `${world.path}-wal`;
  const harms: readonly (readonly [string, () => void, string])[] = [
    ['overwritten', () => overwrite(world.path, 0, noise), 'was overwritten'],
    ['whose log was overwritten', () => overwrite(log(), 0, noise), 'was overwritten'],
    ['whose log was cut off', () => truncateSync(log(), 0), 'was overwritten'],
    ['cut off', () => truncateSync(world.path, 0), 'was overwritten'],
    ['moved away', () => renameSync(world.path, join(world.folder, 'elsewhere.db')), 'no such file'],
    ['removed', () => rmSync(world.path), 'no such file'],
    ['whose log was removed', () => rmSync(log()), 'no such file'],
    [
      'with another in its place',
      () => {
        copyFileSync(world.path, join(world.folder, 'copy.db'));
        renameSync(join(world.folder, 'copy.db'), world.path);
      },
      'was moved away',
    ],
    [
      'written by another hand',
      () => world.tamper('UPDATE record SET link = zeroblob(32) WHERE position = (SELECT max(position) FROM record)'),
      'is not as this',
    ],
  ];

  test.each(harms)('of a store %s says so, whatever our own handle remembers', async (_, harm, said) => {
    const store = await world.open();
    for (let after = 0; after < 3; after += 1) store.appendDrill('vault/slow', after, '{}', about);
    expect(store.probe()).toBeUndefined();
    harm();
    expect(store.probe()).toContain(said);
  });

  test('of one that cannot be written now says so, a write fails and is no record, and both succeed later', async () => {
    const store = await world.open();
    const other = new DatabaseSync(world.path);
    other.exec('BEGIN IMMEDIATE');
    expect(store.probe()).toContain('locked');
    expect(store.appendDrill('vault/slow', 0, '1', about).kind).toBe('failed');
    expect((await store.append([denial('a')])).kind).toBe('failed');
    other.exec('ROLLBACK');
    other.close();
    expect(store.probe()).toBeUndefined();
    expect(store.appendDrill('vault/slow', 0, '1', about).kind).toBe('appended');
    expect(await store.append([denial('a')])).toMatchObject({ kind: 'kept', skipped: 0 });
    expect(bodies(store)).toEqual(['1']);
  });
});

test('what is written into a file that is moved away is not acknowledged, and is once it is back', async () => {
  const store = await world.open();
  expect(await store.append([denial('before')])).toMatchObject({ kind: 'kept' });
  const elsewhere = join(world.folder, 'elsewhere.db');
  renameSync(world.path, elsewhere);
  const lost = await store.append([denial('meanwhile')]);
  expect(lost).toMatchObject({ kind: 'failed', message: expect.stringContaining('no such file') });
  expect(store.appendDrill('vault/slow', 0, '{}', about)).toMatchObject({ kind: 'failed' });
  renameSync(elsewhere, world.path);
  expect(await store.append([denial('meanwhile')])).toMatchObject({ kind: 'kept', skipped: 0 });
});
