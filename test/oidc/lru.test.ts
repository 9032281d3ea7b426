/** A verifier remembers only so much, whatever comes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lru } from '../../src/oidc/lru.ts';

test('what was not asked for longest is forgotten first', () => {
  const lru = new Lru<number>(3);
  for (const [index, key] of ['a', 'b', 'c'].entries()) lru.set(key, index, 1);
  lru.get('a');
  lru.set('d', 3, 1);
  expect(['a', 'b', 'c', 'd'].map((key) => lru.get(key))).toEqual([0, undefined, 2, 3]);
});

test('what weighs more than all is not kept', () => {
  const lru = new Lru<number>(3);
  lru.set('a', 0, 4);
  expect([lru.get('a'), lru.weight]).toEqual([undefined, 0]);
});

test('the weight is that of what can be found, and never above the limit', () => {
  const keys = [...'abcdefgh'];
  const step = fc.record({
    key: fc.constantFrom(...keys),
    weight: fc.integer({ min: 1, max: 5 }),
    what: fc.constantFrom('set', 'delete', 'get'),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const lru = new Lru<number>(12);
      for (const { key, weight, what } of steps) {
        if (what === 'set') lru.set(key, weight, weight);
        else if (what === 'delete') lru.delete(key);
        else lru.get(key);
        expect(lru.weight).toBeLessThanOrEqual(12);
      }
      const found = keys.map((key) => lru.get(key) ?? 0).reduce((sum, weight) => sum + weight, 0);
      expect(found).toBe(lru.weight);
    }),
  );
});
