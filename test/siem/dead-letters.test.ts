/** Records that nobody takes: kept with the reason, up to a bound that is told. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DeadLetters } from '../../src/siem/dead-letters.io.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { record } from './records.ts';

test('each is a line with the reason, and a full file takes no more until it is moved away', async () => {
  const path = join(await temporaryFolder(), 'siem.refused.jsonl');
  const letters = new DeadLetters(path, record(1).line.length * 2);
  onTestFinished(() => letters.close());
  await letters.keep(record(1), 'answered 400: "no"\nforged');
  await expect(letters.keep(record(2), 'answered 400')).rejects.toThrow(/is full; see why records are refused/);
  const [line = '', ...none] = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  expect(none).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({ why: 'answered 400: "no"\nforged', record: { metadata: { uid: 'ev-1' } } });
});
