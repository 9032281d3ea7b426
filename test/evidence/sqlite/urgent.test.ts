/** What a caller waits for in its own turn: written or not, but never written after it was given up, nor twice. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drillDraftOf } from '../../../src/evidence/chain/record-draft.ts';
import { type DrillDraft, SqliteWriter } from '../../../src/evidence/sqlite/sqlite-writer.io.ts';
import { abandoned, asked, type Urgent, type UrgentDone } from '../../../src/evidence/sqlite/writer-messages.ts';
import { noonMs } from '../event-samples.ts';

const signingKey = generateKeyPairSync('ed25519').privateKey;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-urgent-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function options() {
  return { path: join(folder, 'evidence.db'), replica: 'replica-1', signingKey, bytesMax: 1e9, nowMs: noonMs };
}

function drill(after: number, text: string, doubted = false): DrillDraft {
  const record = drillDraftOf('vault/slow', after + 1, text, { atMs: noonMs, tenant: 'vault' });
  if ('refused' in record) throw new Error(record.refused);
  return { stream: 'vault/slow', after, text, record, doubted };
}

test('given up before the commit, nothing is written and nothing moves', () => {
  const writer = SqliteWriter.open(options());
  const head = writer.head();
  expect(writer.appendDrill(drill(0, '1'), () => false).kind).toBe('failed');
  expect(writer.head()).toEqual(head);
  expect(writer.appendDrill(drill(0, '2'), () => true)).toEqual({ kind: 'appended', sequence: 1 });
  expect(writer.probe()).toBeUndefined();
  writer.close();
});

test('tried again in doubt, what was kept is found and not written twice; another text is a conflict', () => {
  const writer = SqliteWriter.open(options());
  expect(writer.appendDrill(drill(0, '1'), () => true).kind).toBe('appended');
  const head = writer.head();
  expect(writer.appendDrill(drill(0, '1', true), () => true)).toEqual({ kind: 'appended', sequence: 1 });
  expect(writer.appendDrill(drill(0, '2', true), () => true).kind).toBe('conflict');
  expect(writer.head()).toEqual(head);
  writer.close();
});

test('the thread passes over what nobody waits for any more', async () => {
  const [work, urgent] = [new MessageChannel(), new MessageChannel()];
  const worker = new Worker(new URL('../../../src/evidence/sqlite/sqlite-writer-thread.io.ts', import.meta.url), {
    workerData: { ...options(), work: work.port2, urgent: urgent.port2 },
    transferList: [work.port2, urgent.port2],
  });
  const ask = (ticket: number, state: number, text: string) => {
    const shared = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    Atomics.store(shared, 0, state);
    urgent.port1.postMessage({ kind: 'drill', ticket, state: shared, drill: drill(0, text) } satisfies Urgent);
  };
  const answer = new Promise<UrgentDone>((resolve) => urgent.port1.once('message', resolve));
  ask(1, abandoned, 'given up');
  ask(2, asked, 'waited for');
  expect(await answer).toMatchObject({ ticket: 2, answer: { kind: 'appended', sequence: 1 } });
  urgent.port1.close();
  work.port1.close();
  await worker.terminate();
});
