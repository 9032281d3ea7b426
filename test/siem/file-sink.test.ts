/** JSON lines in a file: whole, on disk, rotated, and found again by whoever reads or moves them. */
import { execFileSync } from 'node:child_process';
import { appendFile, open, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { FileSink } from '../../src/siem/file-sink.io.ts';
import { delivered } from '../../src/siem/sink.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { idIn, record, recordsTo } from './records.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder, 'events.jsonl');
});

function fileSink(rotateBytes = 1_000_000, keep = 3): FileSink {
  const sink = new FileSink({ path, rotateBytes, keep });
  onTestFinished(() => sink.close());
  return sink;
}

const linesOf = async (file: string) => (await readFile(file, 'utf8')).split('\n').slice(0, -1);

test('each record is a line, in a file that only its owner may read', async () => {
  expect(await fileSink().deliver(recordsTo(3))).toEqual(delivered);
  expect((await linesOf(path)).map(idIn)).toEqual(['ev-1', 'ev-2', 'ev-3']);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('a full file is rotated between two batches, and the oldest goes when enough are kept', async () => {
  const sink = fileSink(record(1).line.length + 10, 2);
  for (const position of [1, 2, 3, 4, 5]) await sink.deliver([record(position)]);
  expect((await readdir(folder)).toSorted()).toEqual(['events.jsonl', 'events.jsonl.1', 'events.jsonl.2']);
  const names = [path, `${path}.1`, `${path}.2`];
  expect((await Promise.all(names.map(linesOf))).map((lines) => lines.map(idIn))).toEqual([
    ['ev-5'],
    ['ev-4'],
    ['ev-3'],
  ]);
});

test('a reader that follows the file through a rotation misses nothing', async () => {
  const sink = fileSink(record(1).line.length * 2 + 10, 1);
  await sink.deliver([record(1)]);
  const reader = await open(path, 'r');
  await sink.deliver([record(2)]);
  await sink.deliver([record(3)]);
  const before = (await reader.readFile('utf8')).split('\n').slice(0, -1);
  await reader.close();
  expect([...before, ...(await linesOf(path))].map(idIn)).toEqual(['ev-1', 'ev-2', 'ev-3']);
});

test('with none kept a full file makes room for the next', async () => {
  const sink = fileSink(10, 0);
  for (const position of [1, 2]) await sink.deliver([record(position)]);
  expect(await readdir(folder)).toEqual(['events.jsonl']);
  expect((await linesOf(path)).map(idIn)).toEqual(['ev-2']);
});

test('a file that was moved away is left alone, and a new one begun', async () => {
  const sink = fileSink();
  await sink.deliver([record(1)]);
  await rename(path, `${path}.archived`);
  await sink.deliver([record(2)]);
  expect((await linesOf(`${path}.archived`)).map(idIn)).toEqual(['ev-1']);
  expect((await linesOf(path)).map(idIn)).toEqual(['ev-2']);
});

test('a line that a kill has torn is ended, and harms no other', async () => {
  await writeFile(path, `${record(1).line}\n${record(2).line.slice(0, 40)}`);
  await fileSink().deliver([record(3)]);
  const [first = '', torn = '', last = '', ...none] = await linesOf(path);
  expect([idIn(first), idIn(last), none]).toEqual(['ev-1', 'ev-3', []]);
  expect(torn).toBe(record(2).line.slice(0, 40));
});

test('what others append is not overwritten', async () => {
  const sink = fileSink();
  await sink.deliver([record(1)]);
  await appendFile(path, `${record(9).line}\n`);
  await sink.deliver([record(2)]);
  expect((await linesOf(path)).map(idIn)).toEqual(['ev-1', 'ev-9', 'ev-2']);
});

test('a folder that is missing, a link and a pipe are refused for now, with the reason', async () => {
  const nowhere = new FileSink({ path: join(folder, 'missing', 'events.jsonl'), rotateBytes: 1_000, keep: 1 });
  expect(await nowhere.deliver([record(1)])).toMatchObject({ kind: 'retry', message: expect.stringMatching(/ENOENT/) });

  await symlink(join(folder, 'elsewhere'), path);
  expect(await fileSink().deliver([record(1)])).toMatchObject({ message: expect.stringMatching(/ELOOP/) });

  path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  expect(await fileSink().deliver([record(1)])).toMatchObject({
    kind: 'retry',
    message: expect.stringMatching(/not a regular file/),
  });
});

test('a file of something else is left as it is, rotated no more than written to', async () => {
  const key = Buffer.from([0x01, 0x7b, 0xff, 0x0a]);
  await writeFile(path, key);
  for (const rotateBytes of [1_000_000, 1]) {
    expect(await fileSink(rotateBytes).deliver([record(1)])).toMatchObject({
      kind: 'retry',
      message: expect.stringMatching(/holds something other than lines of JSON; move it away/),
    });
  }
  expect(await readFile(path)).toEqual(key);
  expect(await readdir(folder)).toEqual(['events.jsonl']);
});

test('a disk that is full tears no record: what did not fit comes again, on a line of its own', async () => {
  // The kernel's own full disk: every write to it fails for want of space.
  const sink = new FileSink({ path: '/dev/full', rotateBytes: 1_000, keep: 1 });
  onTestFinished(() => sink.close());
  expect(await sink.deliver([record(1)])).toMatchObject({ kind: 'retry' });
});
