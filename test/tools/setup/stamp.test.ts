import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashOf, readStamp, removeStamp, writeStamp } from '../../../tools/setup/stamp.mjs';

let repo = '';
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'coffre-stamp-'));
  mkdirSync(join(repo, 'proto/deep'), { recursive: true });
  writeFileSync(join(repo, 'proto/deep/a.proto'), 'message A {}');
});
afterEach(() => rmSync(repo, { recursive: true, force: true }));

test('the same inputs have the same hash', () => {
  expect(hashOf(repo, ['proto'], ['1.0'])).toBe(hashOf(repo, ['proto'], ['1.0']));
});

test('content, name, presence and words each move the hash', () => {
  const hashes = new Set([hashOf(repo, ['proto'], ['1.0']), hashOf(repo, ['proto'], ['1.1'])]);
  writeFileSync(join(repo, 'proto/deep/a.proto'), 'message B {}');
  hashes.add(hashOf(repo, ['proto'], ['1.0']));
  writeFileSync(join(repo, 'proto/deep/b.proto'), '');
  hashes.add(hashOf(repo, ['proto'], ['1.0']));
  rmSync(join(repo, 'proto'), { recursive: true });
  hashes.add(hashOf(repo, ['proto'], ['1.0']));
  expect(hashes.size).toBe(5);
});

test('bytes that move from one file to the next do not keep the hash', () => {
  writeFileSync(join(repo, 'x'), 'ab');
  writeFileSync(join(repo, 'y'), 'c');
  const before = hashOf(repo, ['x', 'y']);
  writeFileSync(join(repo, 'x'), 'a');
  writeFileSync(join(repo, 'y'), 'bc');
  expect(hashOf(repo, ['x', 'y'])).not.toBe(before);
});

test('a step without a stamp, or whose stamp was removed, is not done', () => {
  expect(readStamp(repo, 'npm')).toBeUndefined();
  writeStamp(repo, 'npm', 'abc');
  expect(readStamp(repo, 'npm')).toBe('abc');
  removeStamp(repo, 'npm');
  expect(readStamp(repo, 'npm')).toBeUndefined();
});
