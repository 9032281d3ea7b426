import { expect, test } from 'vitest';
import { agrees } from '../../../tools/setup/npm.mjs';

const entry = (integrity: string, optional = false): object => ({
  version: '1.0.0',
  integrity,
  ...(optional && { optional }),
});
const lock = { packages: { '': {}, 'node_modules/a': entry('sha-a'), 'node_modules/arm': entry('sha-arm', true) } };

test('an install by hand that matches the lock file counts, without the optional packages of other machines', () => {
  expect(agrees(lock, { packages: { 'node_modules/a': entry('sha-a') } })).toBe(true);
});

test('another version, a missing package, one too many and no record at all do not', () => {
  expect(agrees(lock, { packages: { 'node_modules/a': entry('sha-b') } })).toBe(false);
  expect(agrees(lock, { packages: {} })).toBe(false);
  expect(agrees(lock, { packages: { 'node_modules/a': entry('sha-a'), 'node_modules/z': entry('sha-z') } })).toBe(
    false,
  );
  expect(agrees(lock, undefined)).toBe(false);
  expect(agrees(undefined, { packages: {} })).toBe(false);
});
