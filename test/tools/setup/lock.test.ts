/** Two set-ups at once: one works, the other waits, and neither waits for the dead. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from '../../../tools/setup/lock.mjs';

let repo = '';
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'coffre-lock-'));
  mkdirSync(join(repo, '.cache'));
});
afterEach(() => rmSync(repo, { recursive: true, force: true }));

const holders = (): string[] => readdirSync(join(repo, '.cache/setup.lock'));

test('a lock is held until it is given back, and then it is free', async () => {
  const order: string[] = [];
  const release = await takeLock(repo, () => order.push('waited'));
  const { promise: waiting, resolve: onWait } = Promise.withResolvers<string>();
  const second = takeLock(repo, onWait).then((releaseSecond) => {
    order.push('second');
    releaseSecond();
  });
  expect(await waiting).toBe(String(process.pid));
  order.push('first');
  release();
  await second;
  expect(order).toEqual(['first', 'second']);
  expect(holders()).toEqual([]);
});

test('the lock of a process that is gone is taken over at once', async () => {
  mkdirSync(join(repo, '.cache/setup.lock'));
  writeFileSync(join(repo, '.cache/setup.lock/999999999-1'), '');
  const waits: string[] = [];
  const release = await takeLock(repo, (pid: string) => waits.push(pid));
  expect(waits).toEqual([]);
  expect(holders()).toHaveLength(1);
  expect(holders()[0]).toMatch(new RegExp(`^${process.pid}-`));
  release();
});

test('a process id used again by another process does not keep a lock', async () => {
  mkdirSync(join(repo, '.cache/setup.lock'));
  writeFileSync(join(repo, `.cache/setup.lock/${process.pid}-1`), '');
  const waits: string[] = [];
  const release = await takeLock(repo, (pid: string) => waits.push(pid));
  expect(waits).toEqual([]);
  release();
});
