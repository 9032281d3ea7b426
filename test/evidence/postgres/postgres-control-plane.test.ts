/** A whole control plane that keeps its evidence in PostgreSQL, and the command line that checks and copies it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { temporaryFolder } from '../../identity/temporary-folder.ts';
import { PostgresServer } from './postgres-server.ts';

const repo = fileURLToPath(new URL('../../..', import.meta.url));

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.remove());

async function coffre(...args: readonly string[]) {
  let [out, code] = ['', 0];
  await runProgram(args, {
    out: (text) => {
      out += text;
    },
    err: () => undefined,
    setExitCode: (exit) => {
      code = exit;
    },
    nowMs: Date.now,
    signal: new AbortController().signal,
  });
  return { out, code };
}

test('a control plane keeps its evidence there, and anybody with the key verifies and copies it', async () => {
  const state = await temporaryFolder();
  const [connection, key, copy] = ['connection', 'key.pem', 'copy.jsonl'].map((name) => join(state, name));
  if (connection === undefined || key === undefined || copy === undefined) throw new Error('three names');
  await writeFile(connection, `${server.addressOf(await server.makeDatabase())}\n`, { mode: 0o600 });
  const ports = await Promise.all([freePort(), freePort()]);
  const [xds, evidence] = ports.map((port) => `127.0.0.1:${port}`);
  const flags = ['--state', state, '--xds', `${xds}`, '--evidence', `${evidence}`, '--evidence-postgres', connection];
  const argv = [join(repo, 'src/main.ts'), '--folder', join(repo, 'deploy/demo'), ...flags, '--replica', 'first'];
  const running = spawn(process.execPath, argv);
  const ended = once(running, 'exit');
  onTestFinished(async () => {
    running.kill();
    await ended;
  });
  for await (const line of createInterface({ input: running.stdout })) if (line.includes('"msg":"serving"')) break;

  const { out } = await coffre('events', '--state', state, '-o', 'json');
  const kept = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(kept.map(({ event }) => event.kind)).toContain('publication');
  expect(new Set(kept.map(({ replica }) => replica))).toEqual(new Set(['first']));

  await writeFile(key, (await coffre('evidence', 'head', '--state', state, '--public-key')).out);
  const head = (await coffre('evidence', 'head', '--state', state)).out.trim();
  const from = ['--postgres', connection, '--replica', 'first'];
  const whole = await coffre('evidence', 'verify', ...from, '--key', key, '--expect-head', head);
  expect(whole).toEqual({ code: 0, out: expect.stringContaining('whole: every record is what was signed') });

  expect(await coffre('evidence', 'export', ...from, '--out', copy)).toMatchObject({ code: 0 });
  expect(await coffre('evidence', 'verify', copy, '--key', key, '--expect-head', head)).toMatchObject({ code: 0 });
});

test('the schema that is printed makes the tables, and is taken by a server', async () => {
  const database = await server.makeDatabase();
  await server.sql(database, 'CREATE ROLE recorder');
  const { out } = await coffre('evidence', 'schema', '--role', 'recorder');
  await server.sql(database, out);
  expect(await server.sql(database, 'SELECT count(*)::int AS records FROM coffre.record')).toEqual([{ records: 0 }]);
});
