/** Whoever has the file and not the key: whatever is done to it is found, and where. */

import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { copyFileSync, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyDigestOf, chainStart, digestOf, linkOf } from '../../../src/evidence/chain/chain.ts';
import type { ChainReport } from '../../../src/evidence/chain/chain-check.ts';
import { type ChainFinding, findingText } from '../../../src/evidence/chain/chain-finding.ts';
import { exportTo } from '../../../src/evidence/chain/export.io.ts';
import { headText, parseHead, signHead } from '../../../src/evidence/chain/head.ts';
import { draftOf, drillDraftOf, type RecordDraft } from '../../../src/evidence/chain/record-draft.ts';
import { verifyFile } from '../../../src/evidence/chain/verify.io.ts';
import { prune } from '../../../src/evidence/sqlite/sqlite-prune.io.ts';
import { recordColumns, recordOf } from '../../../src/evidence/sqlite/sqlite-rows.ts';
import { SqliteWriter } from '../../../src/evidence/sqlite/sqlite-writer.io.ts';
import { denial, noonMs, sampled } from '../event-samples.ts';

const { privateKey: signingKey } = generateKeyPairSync('ed25519');
const publicKeyPem = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }).toString();
const strangersKey = generateKeyPairSync('ed25519').privateKey;

let folder: string;
let good: string;
let copies = 0;
let last: number;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-tamper-'));
  good = join(folder, 'good.db');
  last = writeChain(good);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Batches of events, drills between them, and one class pruned. @returns the last position. */
function writeChain(path: string): number {
  const writer = SqliteWriter.open({ path, replica: 'replica-1', signingKey, bytesMax: 1e9, nowMs: noonMs });
  for (let batch = 0; batch < 6; batch += 1) {
    const events = [denial(`d${batch}`), sampled(`s${batch}`), denial(`e${batch}`, { tenant: 'other' })];
    writer.commit([events.map((event) => whole(draftOf(event)))], noonMs);
    const record = whole(drillDraftOf('vault/slow', batch + 1, '{}', { atMs: noonMs, tenant: 'vault' }));
    writer.appendDrill({ stream: 'vault/slow', after: batch, text: '{}', record, doubted: false }, () => true);
  }
  for (const step = prune(writer, { traffic: 0 }, noonMs + 1); step.next().done !== true; );
  writer.commit([[whole(draftOf(denial('end')))]], noonMs);
  const position = writer.head()?.position ?? 0;
  writer.close();
  return position;
}

function whole(draft: RecordDraft | { readonly refused: string }): RecordDraft {
  if ('refused' in draft) throw new Error(draft.refused);
  return draft;
}

function verify(path: string, witness?: string): Promise<ChainReport> {
  const expectHead = witness === undefined ? undefined : parseHead(witness);
  return verifyFile(path, { publicKeyPem, ...(expectHead && { expectHead }) });
}

async function findingsAfter(
  harm: (database: DatabaseSync) => void,
  witness?: string,
): Promise<readonly ChainFinding[]> {
  // A name of its own: beside a reused one a log of before might lie, and be read.
  copies += 1;
  const copy = join(folder, `copy-${copies}.db`);
  copyFileSync(good, copy);
  const database = new DatabaseSync(copy);
  harm(database);
  database.close();
  return (await verify(copy, witness)).findings;
}

function locates(finding: ChainFinding, position: number): boolean {
  if ('from' in finding) return finding.from <= position && position <= finding.to;
  return 'position' in finding && finding.position === position;
}

async function exported(path: string, filter = {}): Promise<string> {
  const output = join(folder, 'export.jsonl');
  const stream = createWriteStream(output);
  await exportTo(stream, path, filter);
  await finished(stream.end());
  return output;
}

test('what nobody touched is valid, counted, and agrees with its newest head', async () => {
  const report = await verify(good);
  expect(report).toMatchObject({ replica: 'replica-1', first: 1, last, records: last, pruned: 6, withheld: 0 });
  expect(report.findings).toEqual([]);
  expect(report.head?.position).toBe(last);
  const witness = headText(report.head ?? { replica: '', position: 0, hash: '' });
  expect((await verify(good, witness)).findings).toEqual([]);
});

test('it is verified while it is being written', async () => {
  const path = join(folder, 'live.db');
  const writer = SqliteWriter.open({ path, replica: 'replica-1', signingKey, bytesMax: 1e9, nowMs: noonMs });
  writer.commit([[whole(draftOf(denial('a')))]], noonMs);
  expect(await verify(path)).toMatchObject({ records: 2, findings: [] });
  writer.commit([[whole(draftOf(denial('b')))]], noonMs);
  expect(await verify(path)).toMatchObject({ records: 3, findings: [] });
  writer.close();
});

describe('a store’s file', () => {
  const columns = 'id kind class at_ms tenant epoch stream sequence body_digest nonce body link'.split(' ');

  test('one altered field of one record is found at that record', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: last }),
        fc.constantFrom(...columns),
        fc.nat(),
        async (position, column, at) => {
          const findings = await findingsAfter((database) => {
            database.exec('DROP INDEX record_by_id; DROP INDEX record_by_stream');
            const value = database.prepare(`SELECT ${column} AS value FROM record WHERE position = ?`).get(position);
            fc.pre(column !== 'nonce' || value?.['value'] !== null); // a pruned record has none to alter
            database
              .prepare(`UPDATE record SET ${column} = ? WHERE position = ?`)
              .run(altered(value?.['value'], at), position);
          });
          expect(findings.filter((finding) => locates(finding, position))).not.toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('an index that was changed is told: a query would miss what it does not have', async () => {
    copies += 1;
    const copy = join(folder, `copy-${copies}.db`);
    copyFileSync(good, copy);
    const database = new DatabaseSync(copy);
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'record_by_path'").get();
    const size = database.prepare('PRAGMA page_size').get();
    database.close();
    const bytes = readFileSync(copy);
    const lastOfPage = Number(root?.['rootpage']) * Number(size?.['page_size']) - 1;
    bytes.writeUInt8(bytes.readUInt8(lastOfPage) ^ 1, lastOfPage);
    writeFileSync(copy, bytes);
    expect((await verify(copy)).findings).toEqual([
      { kind: 'index', message: expect.stringContaining('record_by_path') },
    ]);
  });

  test('one altered field of a head is found at that head', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('hash', 'at_ms', 'signature'), fc.nat(), async (column, at) => {
        const findings = await findingsAfter((database) => {
          const value = database.prepare(`SELECT ${column} AS value FROM head WHERE position = ?`).get(last);
          database.prepare(`UPDATE head SET ${column} = ? WHERE position = ?`).run(altered(value?.['value'], at), last);
        });
        expect(findings).toContainEqual({ kind: 'bad-signature', position: last });
      }),
      { numRuns: 50 },
    );
  });

  test('dropped records are found, from where to where', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: last - 1 }), fc.integer({ min: 0, max: 5 }), async (from, more) => {
        const to = Math.min(from + more, last - 1);
        const findings = await findingsAfter((database) =>
          database.exec(`DELETE FROM record WHERE position BETWEEN ${from} AND ${to}`),
        );
        expect(findings).toContainEqual({ kind: 'dropped', from, to });
      }),
      { numRuns: 50 },
    );
  });

  test('two records that changed places are found, and where each belongs', async () => {
    const places = fc.uniqueArray(fc.integer({ min: 1, max: last }), { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(places, async ([a = 0, b = 0]) => {
        const findings = await findingsAfter((database) =>
          database.exec(`UPDATE record SET position = -1 WHERE position = ${a};
            UPDATE record SET position = ${a} WHERE position = ${b};
            UPDATE record SET position = ${b} WHERE position = -1`),
        );
        expect(findings).toContainEqual({ kind: 'reordered', position: a, belongsAt: b });
        expect(findings).toContainEqual({ kind: 'reordered', position: b, belongsAt: a });
      }),
      { numRuns: 50 },
    );
  });

  test('a history that was rewritten whole, link by link, does not fit the next head', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: last }), async (position) => {
        const findings = await findingsAfter((database) => rewriteFrom(database, position));
        expect(findings.some((finding) => finding.kind === 'altered' && locates(finding, position))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('cut off behind a head, it is whole to itself, and truncated to whoever witnessed more', async () => {
    const { head } = await verify(good);
    const witness = headText(head ?? { replica: '', position: 0, hash: '' });
    const cut = (database: DatabaseSync) =>
      database.exec(`DELETE FROM record WHERE position = ${last}; DELETE FROM head WHERE position = ${last}`);
    expect(await findingsAfter(cut)).toEqual([]);
    expect(await findingsAfter(cut, witness)).toEqual([{ kind: 'truncated', last: last - 1, expected: last }]);
  });

  const plain: readonly (readonly [string, string, () => ChainFinding])[] = [
    [
      'without its last record',
      'DELETE FROM record WHERE position = (SELECT max(position) FROM record)',
      () => ({ kind: 'truncated', last: last - 1, expected: last }),
    ],
    [
      'without its last head',
      'DELETE FROM head WHERE position = (SELECT max(position) FROM head)',
      () => ({ kind: 'unsigned-tail', from: last, to: last }),
    ],
    ['without any head', 'DELETE FROM head', () => ({ kind: 'unsigned-tail', from: 1, to: last })],
    [
      'with a body taken away by another hand',
      'UPDATE record SET body = NULL, nonce = NULL WHERE position = 2',
      () => ({ kind: 'pruned-without-cover', position: 2, class: 'security' }),
    ],
    [
      'with an old head as its beginning',
      `INSERT INTO base (id, position, hash, at_ms, signature) SELECT 1, position, hash, at_ms, signature FROM head LIMIT 1;
       DELETE FROM record WHERE position <= (SELECT position FROM base)`,
      () => ({ kind: 'bad-signature', position: last - 1 }),
    ],
  ];

  test.each(plain)('%s is not valid', async (_, statement, wanted) => {
    expect(await findingsAfter((database) => database.exec(statement))).toContainEqual(wanted());
  });

  test('of another replica, or signed by a stranger, is not the one that was asked for', async () => {
    const { head } = await verify(good);
    const other = `replica-2:${last}:${head?.hash}`;
    expect((await verify(good, other)).findings).toEqual([
      { kind: 'wrong-replica', expected: 'replica-2', found: 'replica-1' },
    ]);
    const diverged = `replica-1:${last}:${'0'.repeat(64)}`;
    expect((await verify(good, diverged)).findings).toEqual([{ kind: 'diverged', position: last }]);
    const findings = await findingsAfter((database) => {
      rewriteFrom(database, last);
      const link = database.prepare('SELECT link FROM record WHERE position = ?').get(last)?.['link'];
      const hash = Buffer.from(link instanceof Uint8Array ? link : []).toString('hex');
      const forged = signHead(strangersKey, 'head', { replica: 'replica-1', position: last, hash, atMs: noonMs });
      database.prepare('UPDATE head SET hash = ?, signature = ? WHERE position = ?').run(hash, forged.signature, last);
    });
    expect(findings).toContainEqual({ kind: 'bad-signature', position: last });
  });
});

describe('an export', () => {
  test('verifies like its store, and to the same head', async () => {
    const [store, report] = [await verify(good), await verify(await exported(good))];
    expect(report).toEqual(store);
  });

  test('of one tenant tells of the others nothing but that there is something, and verifies', async () => {
    const path = await exported(good, { tenant: 'other' });
    expect(await verify(path)).toMatchObject({ findings: [], records: last, pruned: 0, withheld: last - 7 });
    const text = readFileSync(path, 'utf8');
    expect(text).not.toMatch(/vault\/slow|"tenant":"(?:vault|atelier)"|"[ds]\d"/);
    expect(text).toContain('"tenant":"other"');
  });

  test('any altered byte is found', async () => {
    const text = readFileSync(await exported(good, { tenant: 'vault' }), 'latin1');
    const path = join(folder, 'altered.jsonl');
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: text.length - 2 }), fc.integer({ min: 0x21, max: 0x7e }), async (at, code) => {
        fc.pre(text.charCodeAt(at) !== code);
        writeFileSync(path, `${text.slice(0, at)}${String.fromCharCode(code)}${text.slice(at + 1)}`, 'latin1');
        expect((await verify(path)).findings).not.toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('with lines dropped or moved is found', async () => {
    const lines = readFileSync(await exported(good), 'utf8')
      .trimEnd()
      .split('\n');
    const path = join(folder, 'altered.jsonl');
    const at = lines.findIndex((line) => line.startsWith('{"position":5,'));
    const [line = ''] = lines.slice(at);
    writeFileSync(path, lines.toSpliced(at, 1).join('\n'));
    expect((await verify(path)).findings).toEqual([{ kind: 'dropped', from: 5, to: 5 }]);
    writeFileSync(path, [...lines.toSpliced(at, 1), line].join('\n'));
    expect((await verify(path)).findings).toEqual([{ kind: 'reordered', position: 5 }]);
  });

  test.each([
    ['nothing', ''],
    ['no JSON', 'hello\n'],
    ['another JSON', '{"a":1}\n'],
    ['a list', '[1]\n'],
  ])('that holds %s is told to be unreadable', async (_, text) => {
    const path = join(folder, 'odd.jsonl');
    writeFileSync(path, text);
    const { findings } = await verify(path);
    expect(findings.map(({ kind }) => kind)).toEqual(['unreadable']);
    expect(findings.map(findingText).join()).toContain(path);
  });
});

/** Another value of the same type. */
function altered(value: unknown, at: number): string | number | Uint8Array {
  if (typeof value === 'number') return value + 1 + (at % 1_000);
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 0x01;
    return bytes;
  }
  const text = typeof value === 'string' ? value : '';
  const place = text === '' ? 0 : at % text.length;
  return `${text.slice(0, place)}${text[place] === 'x' ? 'y' : 'x'}${text.slice(place + 1)}`;
}

/** Changes one record and chains everything behind it anew, as somebody could who has everything but the key. */
function rewriteFrom(database: DatabaseSync, position: number): void {
  const rows = database.prepare(`SELECT ${recordColumns} FROM record ORDER BY position`).all().map(recordOf);
  const update = database.prepare('UPDATE record SET tenant = ?, link = ? WHERE position = ?');
  let link = rows[position - 2]?.link ?? linkBefore(rows[0]);
  for (const row of rows.slice(position - 1)) {
    if (row.kind === 'withheld') throw new Error('a store withholds nothing');
    const meta = row.position === position ? { ...row.meta, tenant: 'forged' } : row.meta;
    link = linkOf(link, row.position, digestOf(meta, row.bodyDigest));
    update.run(meta.tenant, link, row.position);
  }
}

function linkBefore(first: ReturnType<typeof recordOf> | undefined): Buffer {
  if (first?.kind !== 'whole') throw new Error('the first record is whole');
  expect(bodyDigestOf(first.nonce, first.body)).toEqual(first.bodyDigest);
  return chainStart('replica-1');
}
