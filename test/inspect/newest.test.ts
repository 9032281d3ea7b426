/** What is kept is made once for as long as it is asked for, and never more than so many. */
import { expect, test } from 'vitest';
import { Newest } from '../../src/inspect/newest.ts';

test('a key is made once, and again after it was the one asked for longest ago', () => {
  const made: string[] = [];
  const newest = new Newest<string>(2);
  const ask = (key: string) =>
    newest.get(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  expect([ask('a'), ask('b'), ask('a'), ask('c'), ask('a'), ask('b')]).toEqual(['A', 'B', 'A', 'C', 'A', 'B']);
  expect(made).toEqual(['a', 'b', 'c', 'b']);
});

test('after it was cleared nothing is known', () => {
  const newest = new Newest<number>(2);
  expect(newest.get('a', () => 1)).toBe(1);
  newest.clear();
  expect(newest.get('a', () => 2)).toBe(2);
});
