/** What retention leaves behind: a chain that still verifies, and a beginning that only its own key could have moved. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ChainReport } from '../../../src/evidence/chain/chain-check.ts';
import { draftOf, type RecordDraft } from '../../../src/evidence/chain/record-draft.ts';
import { verifyFile } from '../../../src/evidence/chain/verify.io.ts';
import { prune } from '../../../src/evidence/sqlite/sqlite-prune.io.ts';
import { SqliteWriter } from '../../../src/evidence/sqlite/sqlite-writer.io.ts';
import type { PruneAnswer, RetentionRules } from '../../../src/evidence/store.ts';
import { denial, noonMs, sampled } from '../event-samples.ts';

const { privateKey: signingKey } = generateKeyPairSync('ed25519');
const publicKeyPem = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }).toString();
const dayMs = 86_400_000;
let folder: string;
let path: string;
let writer: SqliteWriter;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-retention-'));
  path = join(folder, 'evidence.db');
  writer = SqliteWriter.open({ path, replica: 'replica-1', signingKey, bytesMax: 1e9, nowMs: noonMs });
});

afterEach(() => {
  writer.close();
  rmSync(folder, { recursive: true });
});

function commit(...drafts: readonly (RecordDraft | { readonly refused: string })[]): void {
  writer.commit([drafts.filter((draft): draft is RecordDraft => 'meta' in draft)], noonMs);
}

function pruned(rules: RetentionRules, nowMs: number): PruneAnswer {
  for (const steps = prune(writer, rules, nowMs); ; ) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

const everything: RetentionRules = { traffic: dayMs, security: dayMs, operations: dayMs, audit: dayMs };

function verify(): Promise<ChainReport> {
  return verifyFile(path, { publicKeyPem });
}

test('pruned again and again, day after day, it verifies', async () => {
  for (let day = 0; day < 6; day += 1) {
    const atMs = noonMs + day * dayMs;
    for (let index = 0; index < 20; index += 1) {
      commit(draftOf(denial(`d${day}-${index}`, { atMs })), draftOf(sampled(`s${day}-${index}`, { atMs })));
    }
    expect(pruned({ traffic: dayMs, security: 2 * dayMs }, atMs + 1).kind).toBe('pruned');
    expect((await verify()).findings).toEqual([]);
  }
  expect((await verify()).pruned).toBeGreaterThan(100);
});

test('a beginning without any body goes, behind a base of its own signature, and the rest is written on', async () => {
  for (let index = 0; index < 30; index += 1) commit(draftOf(denial(`e${index}`)));
  const before = await verify();
  expect(pruned(everything, noonMs + dayMs + 1)).toMatchObject({ kind: 'pruned' });
  const after = await verify();
  expect(after.findings).toEqual([]);
  expect(after.first).toBeGreaterThan(before.first);
  expect(after.last).toBeGreaterThan(before.last);
  commit(draftOf(denial('next')));
  writer.close();
  writer = SqliteWriter.open({ path, replica: 'replica-1', signingKey, bytesMax: 1e9, nowMs: noonMs });
  expect([writer.blocked, writer.findings]).toEqual([undefined, []]);
  expect((await verify()).findings).toEqual([]);
  const witness = { replica: 'replica-1', position: 3, hash: '0'.repeat(64) };
  const { findings } = await verifyFile(path, { publicKeyPem, expectHead: witness });
  expect(findings).toEqual([{ kind: 'out-of-reach', position: 3, base: after.first - 1 }]);
});

test('a clock that runs backwards never leaves a pruned record without what covers it', async () => {
  for (const [index, hours] of [48, 2, 70, 30, 26, 90].entries()) {
    commit(draftOf(denial(`a${index}`, { atMs: noonMs + index })), draftOf(sampled(`b${index}`, { atMs: noonMs })));
    pruned(everything, noonMs + hours * 3_600_000);
    expect((await verify()).findings).toEqual([]);
  }
});

test('what was taken is not in the file any more', async () => {
  commit(draftOf(denial('secret', { reason: 'a-very-peculiar-reason' })), draftOf(sampled('rest')));
  expect(pruned({ security: 0 }, noonMs + 1)).toEqual({ kind: 'pruned', records: 1 });
  writer.close();
  expect(readFileSync(path).includes('a-very-peculiar-reason')).toBe(false);
});
