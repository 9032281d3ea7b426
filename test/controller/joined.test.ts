/** Maps of several tenants, and of a class and its member, read as one: as a plain map of the same entries is read. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Joined } from '../../src/controller/joined.ts';
import { Overlaid } from '../../src/controller/overlaid.ts';

const names = ['a/1', 'a/2', 'b/1', 'c/1'];

/** All that a map answers. */
function read(map: ReadonlyMap<string, number>, asked: readonly string[]) {
  const visited: [string, number][] = [];
  map.forEach((value, key, of) => {
    expect(of).toBe(map);
    visited.push([key, value]);
  });
  const sorted = (entries: Iterable<readonly [string, number]>) =>
    [...entries].toSorted(([l], [r]) => (l < r ? -1 : 1));
  return {
    size: map.size,
    entries: sorted(map),
    explicitly: sorted(map.entries()),
    visited: sorted(visited),
    keys: [...map.keys()].toSorted(),
    values: [...map.values()].toSorted((left, right) => left - right),
    answers: asked.map((name) => [map.get(name), map.has(name)]),
  };
}

test('parts that are joined are read as one map', () => {
  const part = (tenant: string) =>
    fc.dictionary(fc.constantFrom('1', '2'), fc.nat()).map((own) => {
      const entries = Object.entries(own).map(([name, value]) => [`${tenant}/${name}`, value] as const);
      return [tenant, new Map(entries)] as const;
    });
  fc.assert(
    fc.property(fc.tuple(part('a'), part('b')), (parts) => {
      const plain = new Map(parts.flatMap(([, own]) => [...own]));
      expect(read(new Joined<number>().with(parts), names)).toEqual(read(plain, names));
    }),
  );
});

test('parts that are the very same are the very same value, with empty ones or without', () => {
  const a = new Map([['a/1', 1]]);
  const joined = new Joined<number>().with([['a', a]]);
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

test('what is laid over is read instead of what lies under it', () => {
  const entries = fc.dictionary(fc.constantFrom(...names), fc.nat()).map((own) => new Map(Object.entries(own)));
  fc.assert(
    fc.property(entries, entries, (shared, own) => {
      const plain = new Map([...shared, ...own]);
      expect(read(new Overlaid(shared, [...own.keys()], [...own.values()]), names)).toEqual(read(plain, names));
    }),
  );
});
