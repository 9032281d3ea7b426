/** Equal to the newer value, made of the older one's parts: over any data, and in each kind of container. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepUnchanged } from '../../src/model/keep-unchanged.ts';

const data = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(0, -0, NaN, 1, '', 'a', true, null, undefined),
    tie('list'),
    tie('record'),
    tie('map'),
    tie('set'),
  ),
  list: fc.array(tie('value'), { maxLength: 3 }),
  record: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  map: fc.array(fc.tuple(fc.constantFrom('a', 'b', 1), tie('value')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
  set: fc.uniqueArray(fc.constantFrom('a', 'b', 1), { maxLength: 3 }).map((values) => new Set(values)),
})).value;

test('what is kept is equal to the newer value', () => {
  fc.assert(
    fc.property(data, data, (former, next) => {
      expect(keepUnchanged(former, next)).toStrictEqual(next);
    }),
    { numRuns: 1_000 },
  );
});

test('of an equal value the former is kept itself', () => {
  fc.assert(
    fc.property(data, (value) => {
      expect(keepUnchanged(value, structuredClone(value))).toBe(value);
    }),
    { numRuns: 500 },
  );
});

test('beside what changed, each part is the former one', () => {
  const former = { list: [{ a: 1 }, { b: 2 }], map: new Map([['x', { c: 3 }]]), set: new Set(['s']) };
  const next = {
    list: [{ a: 1 }, { b: 3 }],
    map: new Map([
      ['x', { c: 3 }],
      ['y', { c: 4 }],
    ]),
    set: new Set(['s']),
  };
  const kept = keepUnchanged(former, next);
  expect(kept).not.toBe(former);
  expect(kept.list[0]).toBe(former.list[0]);
  expect(kept.list[1]).not.toBe(former.list[1]);
  expect(kept.map.get('x')).toBe(former.map.get('x'));
  expect(kept.set).toBe(former.set);
});

test('the order of keys and members is part of a value', () => {
  const former = {
    map: new Map([
      ['a', 1],
      ['b', 2],
    ]),
    set: new Set([1, 2]),
  };
  const next = {
    map: new Map([
      ['b', 2],
      ['a', 1],
    ]),
    set: new Set([2, 1]),
  };
  const kept = keepUnchanged(former, next);
  expect([...kept.map.keys()]).toEqual(['b', 'a']);
  expect([...kept.set]).toEqual([2, 1]);
});
