/** kill -9 in the middle of it, again and again: nothing that was acknowledged is lost, and the chain is whole. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { verifyFile } from '../../../src/evidence/chain/verify.io.ts';
import { SqliteWorld } from './sqlite-world.ts';

const rounds = 20;
/** Of a round, in lines that were acknowledged: the moment of the kill differs in each. */
const linesBeforeKill = (round: number): number => 1 + ((round * 7) % 23);
const timeoutMs = 300_000;

test(
  'what a killed process had acknowledged is there, once, in a valid chain',
  async () => {
    const world = new SqliteWorld();
    try {
      const keyFile = join(world.folder, 'key.pem');
      writeFileSync(keyFile, world.signingKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      const acknowledged: string[] = [];
      for (let round = 0; round < rounds; round += 1) {
        acknowledged.push(...(await appendUntilKilled(world.folder, keyFile, `r${round}`, linesBeforeKill(round))));
        const { findings } = await verifyFile(world.path, { publicKeyPem: world.publicKeyPem });
        expect(findings).toEqual([]);
      }
      const kept = keptIn(world.path);
      expect(new Set(kept).size).toBe(kept.length);
      const there = new Set(kept);
      expect(acknowledged.filter((line) => !there.has(line))).toEqual([]);
      expect(acknowledged.length).toBeGreaterThanOrEqual(rounds);
    } finally {
      await world.remove();
    }
  },
  timeoutMs,
);

async function appendUntilKilled(folder: string, keyFile: string, prefix: string, lines: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'append-loop.ts');
  const child = spawn(process.execPath, [script, folder, keyFile, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === lines) child.kill('SIGKILL');
  }
  await exited;
  expect(said.length).toBeGreaterThanOrEqual(lines);
  return said;
}

function keptIn(path: string): readonly string[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare('SELECT id, stream, sequence FROM record').all();
  database.close();
  return rows.map(({ id, stream, sequence }) => (stream === '' ? String(id) : `drill ${stream} ${sequence}`));
}
