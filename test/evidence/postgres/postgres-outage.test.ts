/** The server dies, hangs, is away and comes back; the control plane dies: what was acknowledged is there, once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EvidenceEvent } from '../../../src/evidence/event.ts';
import type { AppendAnswer, EvidenceStore } from '../../../src/evidence/store.ts';
import { postgresBinaries } from '../../../src/lab/postgres.ts';
import { denial, noonMs } from '../event-samples.ts';
import { PostgresServer } from './postgres-server.ts';
import { PostgresWorld } from './postgres-world.ts';

const about = { atMs: noonMs, tenant: 'vault' };
const timeoutMs = 300_000;
const killsOfServer = 4;
const killsOfWriter = 8;

describe.skipIf(postgresBinaries() === undefined)('an outage (skipped where there is no PostgreSQL)', () => {
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

  /** As the recorder does: the same events again until they are kept. */
  async function insist(store: EvidenceStore, events: readonly EvidenceEvent[]): Promise<AppendAnswer> {
    for (;;) {
      const answer = await store.append(events);
      if (answer.kind !== 'failed') return answer;
      await delay(20);
    }
  }

  async function idsKept(): Promise<readonly string[]> {
    const rows = await world.tamper('SELECT id FROM coffre.record ORDER BY replica, position');
    return rows.map(({ id }) => String(id));
  }

  test(
    'of a server that is killed again and again loses nothing acknowledged, and ends without a restart of ours',
    async () => {
      const store = await world.open();
      const acknowledged: string[] = [];
      const answers = new Set<string>();
      for (let round = 0; round < killsOfServer; round += 1) {
        let isKilled = false;
        const appending = (async () => {
          for (let at = 0; !isKilled; at += 1) {
            const ids = [`r${round}-${at}`, `r${round}-${at}b`];
            const answer = await store.append(ids.map((id) => denial(id)));
            answers.add(answer.kind);
            if (answer.kind === 'kept') acknowledged.push(...ids);
            // Answers that come at once would let no timer fire, not even that of the test.
            await setImmediate();
          }
        })();
        try {
          const enough = acknowledged.length + 20;
          while (acknowledged.length < enough) await delay(1);
          await server.kill();
          expect(store.appendDrill('vault/slow', round, 'while away', about).kind).toBe('failed');
          expect(store.probe()).toBeDefined();
          expect(store.blocked()).toBeUndefined();
          expect((await store.query({ limit: 1 })).kind).toBe('failed');
          expect(await store.append([denial(`away-${round}`)])).toMatchObject({ kind: 'failed', full: false });
        } finally {
          isKilled = true;
          await appending;
        }
        await server.run();
        expect((await insist(store, [denial(`away-${round}`)])).kind).toBe('kept');
        acknowledged.push(`away-${round}`);
        expect(store.appendDrill('vault/slow', round, 'while away', about)).toEqual({
          kind: 'appended',
          sequence: round + 1,
        });
        expect(store.probe()).toBeUndefined();
      }
      expect(answers).toEqual(new Set(['kept', 'failed']));
      const kept = await idsKept();
      expect(new Set(kept).size).toBe(kept.length);
      expect(acknowledged.filter((id) => !kept.includes(id))).toEqual([]);
      expect(await world.verify('replica-1', store.head())).toMatchObject({ findings: [] });
    },
    timeoutMs,
  );

  test(
    'of the control plane itself, killed in the middle of it, loses nothing acknowledged',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'coffre-pg-kill-'));
      const [addressFile, keyFile] = [join(folder, 'address'), join(folder, 'key.pem')];
      writeFileSync(addressFile, world.connectionString, { mode: 0o600 });
      writeFileSync(keyFile, world.keyOf('replica-1').export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      const acknowledged: string[] = [];
      for (let round = 0; round < killsOfWriter; round += 1) {
        const script = join(import.meta.dirname, 'postgres-append-loop.ts');
        const argv = [script, addressFile, keyFile, `r${round}`];
        const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
        const exited = once(child, 'exit');
        let lines = 0;
        for await (const line of createInterface({ input: child.stdout })) {
          acknowledged.push(line);
          lines += 1;
          if (lines === 1 + ((round * 7) % 23)) child.kill('SIGKILL');
        }
        await exited;
        expect((await world.verify()).findings).toEqual([]);
      }
      rmSync(folder, { recursive: true });
      const rows = await world.tamper('SELECT id, stream, sequence FROM coffre.record');
      const kept = rows.map(({ id, stream, sequence }) => (stream === '' ? String(id) : `drill ${stream} ${sequence}`));
      expect(new Set(kept).size).toBe(kept.length);
      expect(acknowledged.filter((line) => !kept.includes(line))).toEqual([]);
      expect(acknowledged.length).toBeGreaterThanOrEqual(killsOfWriter);
    },
    timeoutMs,
  );

  test('of a server that hangs: a drill’s record fails, is not written behind our back, and succeeds later, once', async () => {
    const store = await world.open();
    const [session] = await world.tamper(
      `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    const pid = Number(session?.['pid']);
    process.kill(pid, 'SIGSTOP');
    try {
      expect(store.appendDrill('vault/slow', 0, '1', about).kind).toBe('failed');
      expect((await insist(store, [denial('a')])).kind).toBe('kept'); // by a session of its own
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(store.appendDrill('vault/slow', 0, '1', about)).toEqual({ kind: 'appended', sequence: 1 });
    expect((await idsKept()).filter((id) => id.startsWith('drill-'))).toHaveLength(1);
    expect((await world.verify()).findings).toEqual([]);
  });

  test('of one connection costs an append at most', async () => {
    const store = await world.open();
    await world.tamper(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coffre' AND datname = current_database()`,
    );
    expect((await insist(store, [denial('a')])).kind).toBe('kept');
    expect(store.findings).toEqual([]);
    const young = await world.open();
    expect(store.blocked()).toContain('another control plane'); // it is waited for on the new connection too
    expect(young.findings).toEqual([]);
  });

  test('of space is told as such, and passes', async () => {
    const store = await world.open();
    await world.tamper(
      `CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`,
      'CREATE TRIGGER full_disk BEFORE INSERT ON coffre.record EXECUTE FUNCTION public.full()',
    );
    expect(await store.append([denial('a')])).toMatchObject({ kind: 'failed', full: true });
    expect(store.appendDrill('vault/slow', 0, '1', about).kind).toBe('failed');
    await world.tamper('DROP TRIGGER full_disk ON coffre.record');
    expect(await store.append([denial('a')])).toMatchObject({ kind: 'kept', skipped: 0 });
    expect((await world.verify()).findings).toEqual([]);
  });

  test('before it is opened: a server that is not there is told, and nothing is thrown', async () => {
    const store = await world.open({ connectionString: 'postgres://me:hidden@127.0.0.1:1/e' });
    expect(store.blocked()).toContain('PostgreSQL at 127.0.0.1:1/e cannot be opened');
    expect(store.blocked()).not.toContain('hidden');
    expect((await store.append([denial('a')])).kind).toBe('blocked');
  });

  test('a server that does not write to its disk before it answers is refused', async () => {
    await server.sql('postgres', 'ALTER SYSTEM SET fsync = off');
    await server.sql('postgres', 'SELECT pg_reload_conf()');
    try {
      await expect.poll(async () => (await server.sql('postgres', 'SHOW fsync'))[0]).toEqual({ fsync: 'off' });
      expect((await world.open()).blocked()).toContain('runs with `fsync` off');
    } finally {
      await server.sql('postgres', 'ALTER SYSTEM RESET fsync');
      await server.sql('postgres', 'SELECT pg_reload_conf()');
    }
  });
});
