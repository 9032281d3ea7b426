/** The journal on real files: what it refuses, what it mends, and what it survives. */
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJournal } from '../../src/chaos/journal.io.ts';
import type { Journal } from '../../src/chaos/journal.ts';

let folder: string;
const opened: Journal[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-journal-'));
});

afterEach(() => {
  for (const journal of opened.splice(0)) journal.close();
  rmSync(folder, { recursive: true });
});

function open(pagesMax?: number): Journal {
  const journal = openJournal(folder, pagesMax);
  opened.push(journal);
  return journal;
}

/** A journal of so many records in one stream, closed. */
function written(count: number): void {
  const journal = open();
  for (let after = 0; after < count; after += 1)
    journal.append('a/drill', after, JSON.stringify({ record: after + 1 }));
  journal.close();
}

function bodies(journal: Journal): readonly string[] {
  return [...journal.records()].map(({ body }) => body);
}

function tamper(statement: string): void {
  const database = new DatabaseSync(join(folder, 'drills.db'));
  database.exec(statement);
  database.close();
}

describe('what is written', () => {
  test('is there after it was opened anew, in order', () => {
    written(3);
    expect(bodies(open())).toEqual(['{"record":1}', '{"record":2}', '{"record":3}']);
  });

  test('is there without the journal ever being closed', () => {
    open().append('a/drill', 0, '{}');
    expect(bodies(open())).toEqual(['{}']);
  });

  test('is readable by its owner only', () => {
    written(1);
    const modes = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o077);
    expect(modes.length).toBeGreaterThan(0);
    expect(modes.every((mode) => mode === 0)).toBe(true);
  });
});

describe('compare and set', () => {
  test('of two writers that know the same record, one wins', () => {
    const journal = open();
    expect(journal.append('a/drill', 0, '1')).toEqual({ kind: 'appended', sequence: 1 });
    expect(journal.append('a/drill', 0, '2').kind).toBe('conflict');
    expect(bodies(journal)).toEqual(['1']);
  });

  test('streams do not disturb each other', () => {
    const journal = open();
    journal.append('a/drill', 0, '1');
    expect(journal.append('b/drill', 0, '2').kind).toBe('appended');
  });
});

describe('the fence', () => {
  test('whoever opened it before is refused from the moment that another opens it', () => {
    const old = open();
    expect(old.append('a/drill', 0, '1').kind).toBe('appended');
    const young = open();
    expect(old.append('a/drill', 1, '2').kind).toBe('fenced');
    expect(old.blocked()).toContain('another control plane');
    expect(young.append('a/drill', 1, '3').kind).toBe('appended');
    expect(bodies(young)).toEqual(['1', '3']);
  });

  test('the old one learns of it without writing', () => {
    const old = open();
    expect(old.blocked()).toBeUndefined();
    open();
    expect(old.blocked()).toContain('another control plane');
  });
});

describe('damage', () => {
  test('a last record that does not fit is cut and told, and writing goes on behind what is left', () => {
    written(3);
    tamper(`UPDATE record SET body = '{"rec' WHERE position = 3`);
    const journal = open();
    expect(journal.findings).toEqual([expect.stringContaining('record 3, the last, did not fit its checksum')]);
    expect(bodies(journal)).toEqual(['{"record":1}', '{"record":2}']);
    expect(journal.append('a/drill', 2, '{"record":3}').kind).toBe('appended');
  });

  const changes: readonly (readonly [string, string])[] = [
    ['a flipped body', `UPDATE record SET body = '{"record":9}' WHERE position = 2`],
    ['a flipped checksum', `UPDATE record SET checksum = replace(checksum, 'a', 'b') || '' WHERE position = 2`],
    ['another epoch', `UPDATE record SET epoch = 99 WHERE position = 2`],
    ['a record that is gone', `DELETE FROM record WHERE position = 2`],
    ['a whole record moved to another drill', `UPDATE record SET stream = 'b/drill', sequence = 1 WHERE position = 2`],
  ];

  test.each(changes)('%s in the middle: read, never written behind, and told', (_, change) => {
    written(4);
    tamper(change);
    const journal = open();
    expect(journal.blocked()).toContain('was changed after it was written');
    expect(journal.findings).toHaveLength(1);
    expect(bodies(journal)).toContain('{"record":1}');
    expect(bodies(journal)).not.toContain('{"record":4}');
    expect(journal.append('a/drill', 4, '5').kind).toBe('failed');
  });

  test('a log that was torn loses its last write and nothing before it', () => {
    const journal = open();
    for (let after = 0; after < 3; after += 1) journal.append('a/drill', after, `${after + 1}`);
    const log = join(folder, 'drills.db-wal');
    const copy = mkdtempSync(join(tmpdir(), 'coffre-journal-'));
    try {
      for (const name of ['drills.db', 'drills.db-wal']) copyFileSync(join(folder, name), join(copy, name));
      truncateSync(join(copy, 'drills.db-wal'), statSync(log).size - 100);
      const torn = openJournal(copy);
      expect(bodies(torn)).toEqual(['1', '2']);
      expect(torn.append('a/drill', 2, '3').kind).toBe('appended');
      torn.close();
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  const files: readonly (readonly [string, () => void])[] = [
    [
      'a file that is no database',
      () => writeFileSync(join(folder, 'drills.db'), 'not a database, by far'.repeat(500)),
    ],
    ['a file cut in half', () => truncateSync(join(folder, 'drills.db'), 4_096)],
    ['a page of noise', () => overwrite(join(folder, 'drills.db'), 4_096 + 8, Buffer.alloc(4_000, 0x5a))],
    ['a newer format', () => tamper('PRAGMA user_version = 2')],
  ];

  test.each(files)('%s: nothing is thrown, nothing is written, and it is told', (_, harm) => {
    written(40);
    harm();
    const journal = open();
    expect(journal.blocked()).toBeDefined();
    expect(journal.findings.length).toBeGreaterThan(0);
    expect(journal.append('a/drill', 40, '{}').kind).toBe('failed');
    expect(() => [...journal.records()]).not.toThrow();
  });
});

describe('a probe', () => {
  test('of a journal that takes records finds nothing, leaves no record, and disturbs no write', () => {
    const journal = open();
    journal.append('a/drill', 0, '1');
    expect([journal.probe(), journal.probe()]).toEqual([undefined, undefined]);
    expect(journal.append('a/drill', 1, '2')).toEqual({ kind: 'appended', sequence: 2 });
    expect(journal.probe()).toBeUndefined();
    journal.close();
    const again = open();
    expect([again.findings, bodies(again), again.probe()]).toEqual([[], ['1', '2'], undefined]);
  });

  test('is a write, which a disk without room refuses', () => {
    const journal = open();
    journal.append('a/drill', 0, '1');
    const before = statSync(log()).size;
    expect(journal.probe()).toBeUndefined();
    expect(statSync(log()).size).toBeGreaterThan(before);
  });

  test('holds after the log was written back into the file and begun anew', () => {
    const journal = open();
    for (let after = 0; after < 600; after += 1) journal.append('a/drill', after, 'x'.repeat(8_000));
    expect(journal.probe()).toBeUndefined();
    expect(journal.append('a/drill', 600, '{}').kind).toBe('appended');
    expect(journal.probe()).toBeUndefined();
  });

  const noise = Buffer.alloc(65_536, 0x5a);
  const database = () => join(folder, 'drills.db');
  const log = () => join(folder, 'drills.db-wal');
  const harms: readonly (readonly [string, () => void, string])[] = [
    ['overwritten', () => overwrite(database(), 0, noise), 'was overwritten'],
    ['whose log was overwritten', () => overwrite(log(), 0, noise), 'was overwritten'],
    ['whose log was cut off', () => truncateSync(log(), 0), 'was overwritten'],
    ['cut off', () => truncateSync(database(), 0), 'was overwritten'],
    ['moved away', () => renameSync(database(), join(folder, 'elsewhere.db')), 'no such file'],
    ['removed', () => rmSync(database()), 'no such file'],
    ['whose log was removed', () => rmSync(log()), 'no such file'],
    [
      'with another in its place',
      () => {
        copyFileSync(database(), join(folder, 'copy.db'));
        renameSync(join(folder, 'copy.db'), database());
      },
      'was moved away',
    ],
    ['written by another hand', () => tamper(`UPDATE record SET checksum = 'x' WHERE position = 3`), 'is not as this'],
  ];

  test.each(harms)('of one %s says so, whatever our own handle remembers', (_, harm, said) => {
    const journal = open();
    for (let after = 0; after < 3; after += 1) journal.append('a/drill', after, '{}');
    expect(journal.probe()).toBeUndefined();
    harm();
    expect(journal.probe()).toContain(said);
  });

  test('of one that cannot be written now says so, and takes it back', () => {
    const journal = open();
    const other = new DatabaseSync(join(folder, 'drills.db'));
    other.exec('BEGIN IMMEDIATE');
    expect(journal.probe()).toContain('locked');
    other.exec('ROLLBACK');
    other.close();
    expect(journal.probe()).toBeUndefined();
  });

  test('of one that another has opened, or that is closed, says so', () => {
    const old = open();
    const young = open();
    expect(old.probe()).toContain('another control plane');
    young.close();
    expect(young.probe()).toContain('closed');
  });
});

describe('no room', () => {
  test('a full file refuses, still reads, and goes on without a gap once there is room', () => {
    const full = open(12);
    const big = JSON.stringify('x'.repeat(4_000));
    let after = 0;
    let answer = full.append('a/drill', after, big);
    for (; answer.kind === 'appended' && after < 50; answer = full.append('a/drill', after, big))
      after = answer.sequence;
    expect(answer).toEqual({ kind: 'failed', message: expect.stringContaining('full') });
    expect(bodies(full)).toHaveLength(after);
    expect(full.blocked()).toBeUndefined();
    const roomy = open();
    expect(roomy.append('a/drill', after, big)).toEqual({ kind: 'appended', sequence: after + 1 });
    expect([...roomy.records()].map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: after + 1 }, (_, index) => index + 1),
    );
  });

  test('a write that fails is no record, and the same one succeeds later', () => {
    const journal = open();
    const other = new DatabaseSync(join(folder, 'drills.db'));
    other.exec('BEGIN IMMEDIATE');
    expect(journal.append('a/drill', 0, '1').kind).toBe('failed');
    other.exec('ROLLBACK');
    other.close();
    expect(journal.append('a/drill', 0, '1').kind).toBe('appended');
    expect(bodies(journal)).toEqual(['1']);
  });

  test('a folder that cannot be made is told, not thrown', () => {
    writeFileSync(join(folder, 'file'), '');
    const journal = openJournal(join(folder, 'file', 'below'));
    expect(journal.blocked()).toContain('cannot be opened');
  });
});

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}
