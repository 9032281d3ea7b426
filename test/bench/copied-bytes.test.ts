/** Bytes that are copied in JavaScript are counted, once each. */
import { expect, test } from 'vitest';
import { CopiedBytes } from '../../bench/copied-bytes.ts';

function copiedBy(act: () => void): number {
  const copies = new CopiedBytes();
  copies.begin();
  try {
    act();
  } finally {
    copies.end();
  }
  return copies.end();
}

const ten = Buffer.alloc(10);

test.each<readonly [string, number, () => void]>([
  ['two buffers that become one', 20, () => Buffer.concat([ten, ten])],
  ['a buffer that is made of another', 10, () => Buffer.from(ten)],
  ['a buffer that is copied into another', 10, () => ten.copy(Buffer.alloc(30), 5)],
  ['an array that is set into another', 10, () => new Uint8Array(30).set(ten, 5)],
  ['a part that is sliced off an array', 4, () => new Uint8Array(ten).slice(0, 4)],
])('%s are counted', (_, bytes, act) => {
  act();
  expect(copiedBy(act)).toBe(bytes);
});

test('a view copies nothing', () => {
  expect(copiedBy(() => ten.subarray(2, 5))).toBe(0);
  expect(copiedBy(() => Buffer.from(new ArrayBuffer(10)))).toBe(0);
});

test('nothing is counted any more at the end, and every method is again what it was', () => {
  const before = [Buffer.concat, Buffer.from, Buffer.prototype.copy];
  const copies = new CopiedBytes();
  copies.begin();
  expect([Buffer.concat, Buffer.from, Buffer.prototype.copy]).not.toEqual(before);
  copies.end();
  Buffer.concat([ten, ten]);
  expect(copies.end()).toBe(0);
  expect([Buffer.concat, Buffer.from, Buffer.prototype.copy]).toEqual(before);
});
