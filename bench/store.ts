/**
 * How fast evidence is kept, how long one waits for the disk, how long a million records take to verify, and what kill -9 costs.
 *
 *   events ──many at once──▶ store ──▶ events/s        one at a time ──▶ ms until acknowledged        kill -9 ──▶ loss
 *
 * All of it is on the disk of the machine's temporary folder, with every acknowledgement behind an fsync.
 */
import { spawn } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { verifyFile } from '../src/evidence/chain/verify.io.ts';
import type { DenialEvent } from '../src/evidence/event.ts';
import { openSqliteStore, storeFile } from '../src/evidence/sqlite/sqlite-store.io.ts';
import type { EvidenceStore } from '../src/evidence/store.ts';
import { type Bench, quantile } from './bench.ts';

/** Events of the measurement of throughput, in batches as the recorder sends them, so many of which wait at once. */
const events = 50_000;
const eventsPerBatch = 250;
const batchesAtOnce = 16;
/** Writes of the measurement of latency, one event each. */
const singles = 1_000;
/** Records of the chain that is verified. The short form verifies a tenth, and says so in the unit. */
const replayed = 1_000_000;
/** Acknowledgements after which the appending process is killed. */
const linesBeforeKill = 200;

export const store: Bench = {
  name: 'store',
  what: `evidence: events/s, p50 and p99 of an acknowledged write and of a drill's record, verification of ${replayed} records (with --full; else a tenth, times ten), events lost by kill -9 (aim 0)`,
  async run({ runs, full, say }) {
    const samples: Measured[] = [];
    for (let run = 1; run <= runs; run += 1) {
      const measured = await inFolder((folder, key) => measure(folder, key, full ? replayed : replayed / 10));
      say(`run ${run}: ${JSON.stringify(measured)}`);
      samples.push(measured);
    }
    const of = (unit: string, key: keyof Measured) => ({ unit, values: samples.map((measured) => measured[key]) });
    return {
      metrics: {
        events_per_s: of('1/s', 'eventsPerSecond'),
        p50_ms: of('ms', 'p50Ms'),
        p99_ms: of('ms', 'p99Ms'),
        drill_p50_ms: of('ms', 'drillP50Ms'),
        drill_p99_ms: of('ms', 'drillP99Ms'),
        replay_1m_s: of('s', 'replaySeconds'),
        bytes_per_event: of('B', 'bytesPerEvent'),
        loss_after_kill: of('count', 'lost'),
      },
    };
  },
};

interface Measured {
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly drillP50Ms: number;
  readonly drillP99Ms: number;
  readonly replaySeconds: number;
  readonly bytesPerEvent: number;
  readonly lost: number;
}

async function measure(folder: string, signingKey: KeyObject, records: number): Promise<Measured> {
  const clock = { nowMs: () => Date.now() };
  const opened = await openSqliteStore({ folder, replica: 'bench', signingKey, clock });
  const beganMs = performance.now();
  await fill(opened, 'many', events);
  const eventsPerSecond = (events / (performance.now() - beganMs)) * 1_000;
  const waits = await waitsOf(singles, (index) => opened.append([denial(`single-${index}`)]));
  const drills = await waitsOf(singles, (index) =>
    opened.appendDrill('shop/bench', index, '{"what":"measured"}', { atMs: Date.now(), tenant: 'shop' }),
  );
  await fill(opened, 'more', records - (opened.head()?.position ?? 0));
  const publicKeyPem = opened.publicKeyPem;
  await opened.close();
  const path = join(folder, storeFile);
  const verifyBeganMs = performance.now();
  const report = await verifyFile(path, { publicKeyPem });
  const replaySeconds = (((performance.now() - verifyBeganMs) / 1_000) * replayed) / report.records;
  if (report.findings.length > 0) throw new Error(`the chain is not valid: ${JSON.stringify(report.findings)}`);
  const { size } = statSync(path);
  return {
    eventsPerSecond,
    p50Ms: quantile(waits, 0.5),
    p99Ms: quantile(waits, 0.99),
    drillP50Ms: quantile(drills, 0.5),
    drillP99Ms: quantile(drills, 0.99),
    replaySeconds,
    bytesPerEvent: size / report.records,
    lost: await inFolder(lostByKill),
  };
}

async function fill(opened: EvidenceStore, prefix: string, count: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const from = next;
      next += eventsPerBatch;
      const batch = Array.from({ length: Math.min(eventsPerBatch, count - from) }, (_, at) =>
        denial(`${prefix}-${from + at}`),
      );
      const answer = await opened.append(batch);
      if (answer.kind !== 'kept') throw new Error(answer.message);
    }
  };
  await Promise.all(Array.from({ length: batchesAtOnce }, lane));
}

/** In ms, ascending. */
async function waitsOf(count: number, act: (index: number) => unknown): Promise<readonly number[]> {
  const waits: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const beganMs = performance.now();
    await act(index);
    waits.push(performance.now() - beganMs);
  }
  return waits.sort((a, b) => a - b);
}

/** Events that a process had acknowledged, and that are not there after it was killed. */
async function lostByKill(folder: string, signingKey: KeyObject): Promise<number> {
  const keyFile = join(folder, 'key.pem');
  writeFileSync(keyFile, signingKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const script = join(import.meta.dirname, '../test/evidence/sqlite/append-loop.ts');
  const child = spawn(process.execPath, [script, folder, keyFile, 'kill'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === linesBeforeKill) child.kill('SIGKILL');
  }
  await exited;
  const clock = { nowMs: () => Date.now() };
  const opened = await openSqliteStore({ folder, replica: 'replica-1', signingKey, clock });
  const drills = new Set(opened.drillRecords().map(({ stream, sequence }) => `drill ${stream} ${sequence}`));
  let lost = 0;
  for (const line of acknowledged) {
    if (line.startsWith('drill ')) lost += drills.has(line) ? 0 : 1;
    else {
      const answer = await opened.query({ id: line, limit: 1 });
      lost += answer.kind === 'events' && answer.events.length === 1 ? 0 : 1;
    }
  }
  await opened.close();
  const publicKeyPem = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }).toString();
  const { findings } = await verifyFile(join(folder, storeFile), { publicKeyPem });
  if (findings.length > 0) throw new Error(`the chain is not valid after kill -9: ${JSON.stringify(findings)}`);
  return lost;
}

async function inFolder<T>(act: (folder: string, signingKey: KeyObject) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-bench-'));
  try {
    return await act(folder, generateKeyPairSync('ed25519').privateKey);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** About as large as real ones are. */
function denial(id: string): DenialEvent {
  return {
    kind: 'denial',
    id,
    atMs: Date.now(),
    tenant: 'shop',
    workload: 'shop/api-7c9d',
    revision: '0123456789abcdef',
    decision: `decision-${id}`,
    trace: '4bf92f3577b34da6a3ce929d0e0e4736',
    verdict: 'deny',
    from: {
      identity: 'spiffe://mesh.example/ns/atelier/sa/web',
      workload: 'atelier/web-5f6b',
      address: '10.1.0.7:40112',
    },
    to: { workload: 'shop/api-7c9d', address: '10.1.0.9:8080', port: 8_080 },
    request: { host: 'api.shop', method: 'GET', path: '/orders/7/items', status: 403 },
    by: 'worker',
    reason: 'no-allow-rule',
  };
}
