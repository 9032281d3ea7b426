/** Answers are those of the function itself; only how often it is asked differs. */
import { expect, test } from 'vitest';
import { remembered } from '../../src/envoy/remembered.ts';

test('each answer is made once while it is remembered, and the oldest is forgotten first', () => {
  const asked: string[] = [];
  const answer = remembered(2, (name: string, tags: readonly string[]) => {
    asked.push(name);
    return { name, tags };
  });
  const first = answer('a', ['x']);
  expect(answer('a', ['x'])).toBe(first);
  expect(answer('a', ['y'])).toEqual({ name: 'a', tags: ['y'] });
  answer('b', []);
  expect(asked).toEqual(['a', 'a', 'b']);
  expect(answer('a', ['x'])).toEqual(first);
  expect(asked).toEqual(['a', 'a', 'b', 'a']);
});
