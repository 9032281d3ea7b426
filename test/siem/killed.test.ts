/** kill -9 between a delivery and its cursor: some is told twice, nothing is lost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { idIn } from './records.ts';

const script = join(import.meta.dirname, 'forward-until-killed.ts');

function forwarding(folder: string, ...more: readonly string[]) {
  const child = spawn(execPath, [script, folder, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

test('a process that is killed before its cursor is written tells that batch again, and misses none', async () => {
  const folder = await temporaryFolder();
  for (let kills = 0; kills < 2; kills += 1) {
    const child = forwarding(folder);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const [code] = await once(forwarding(folder, '--on'), 'exit');
  expect(code).toBe(0);
  const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).split('\n').slice(0, -1);
  const ids = lines.map(idIn).filter((id) => id.startsWith('ev-'));
  expect(ids).toHaveLength(300);
  expect(new Set(ids)).toEqual(new Set(Array.from({ length: 100 }, (_, index) => `ev-${index + 1}`)));
  const cursor: unknown = JSON.parse(await readFile(join(folder, 'file.cursor.json'), 'utf8'));
  expect(cursor).toMatchObject({ position: 100 });
});
