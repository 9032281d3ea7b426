/** Maps of several namespaces, read as one, and compared part by part. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differingParts, JoinedMap } from '../../src/model/joined-map.ts';
import { keepUnchanged } from '../../src/model/keep-unchanged.ts';
import { readMap } from '../fixtures/read-map.ts';

const names = ['a/1', 'a/2', 'b/1', 'c/1'];

test('parts that are joined are read as one map', () => {
  const part = (tenant: string) =>
    fc.dictionary(fc.constantFrom('1', '2'), fc.nat()).map((own) => {
      const entries = Object.entries(own).map(([name, value]) => [`${tenant}/${name}`, value] as const);
      return [tenant, new Map(entries)] as const;
    });
  fc.assert(
    fc.property(fc.tuple(part('a'), part('b')), (parts) => {
      const plain = new Map(parts.flatMap(([, own]) => [...own]));
      expect(readMap(new JoinedMap<number>().with(parts), names)).toEqual(readMap(plain, names));
    }),
  );
});

test('parts that are the very same are the very same value, with empty ones or without', () => {
  const a = new Map([['a/1', 1]]);
  const joined = new JoinedMap<number>().with([['a', a]]);
  expect(joined.with([['a', a]])).toBe(joined);
  expect(
    joined.with([
      ['a', a],
      ['b', new Map()],
    ]),
  ).toBe(joined);
  expect(joined.with([['a', new Map(a)]])).not.toBe(joined);
  expect(joined.with([]).size).toBe(0);
});

test('of two maps the parts are compared, and those that are the very same are passed by', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new Map([[`${name}/1`, 1]]));
  const [former, next] = [joined({ a, b }), joined({ a, b: c, c: b })];
  expect(differingParts(former, former)).toEqual([]);
  expect(differingParts(former, next)).toEqual([
    [b, c],
    [new Map(), b],
  ]);
  expect(differingParts(next, joined({ a }))).toEqual([
    [c, new Map()],
    [b, new Map()],
  ]);
  const plain = new Map(former);
  expect(differingParts(former, plain)).toEqual([[former, plain]]);
});

test('what is joined is kept where it is equal, part by part', () => {
  const [one, same, other] = [1, 1, 2].map((value) => new Map([['a/1', value]]));
  const b = new Map([['b/1', 1]]);
  const former = joined({ a: one, b });
  expect(keepUnchanged(former, joined({ a: same, b: new Map(b) }))).toBe(former);
  const next = keepUnchanged(former, joined({ a: other, b: new Map(b) }));
  expect([...next]).toEqual([
    ['a/1', 2],
    ['b/1', 1],
  ]);
  expect(next.parts.get('b')).toBe(b);
});

function joined(parts: Readonly<Record<string, ReadonlyMap<string, number> | undefined>>): JoinedMap<number> {
  return new JoinedMap<number>().with(Object.entries(parts).map(([name, part]) => [name, part ?? new Map()]));
}
