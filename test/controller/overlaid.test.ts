/** A class and its member, read as one map. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Overlaid } from '../../src/controller/overlaid.ts';
import { readMap } from '../fixtures/read-map.ts';

const names = ['a/1', 'a/2', 'b/1', 'c/1'];

test('what is laid over is read instead of what lies under it', () => {
  const entries = fc.dictionary(fc.constantFrom(...names), fc.nat()).map((own) => new Map(Object.entries(own)));
  fc.assert(
    fc.property(entries, entries, (shared, own) => {
      const plain = new Map([...shared, ...own]);
      expect(readMap(new Overlaid(shared, [...own.keys()], [...own.values()]), names)).toEqual(readMap(plain, names));
    }),
  );
});

test('two that lie over the same differ nowhere but in names that they tell, and over others nothing is told', () => {
  const entries = fc.dictionary(fc.constantFrom(...names), fc.nat(2)).map((own) => new Map(Object.entries(own)));
  const over = (shared: ReadonlyMap<string, number>, own: ReadonlyMap<string, number>) =>
    new Overlaid(shared, [...own.keys()], [...own.values()]);
  fc.assert(
    fc.property(entries, entries, entries, (shared, one, other) => {
      const [left, right] = [over(shared, one), over(shared, other)];
      const apart = left.namesApart(right) ?? names;
      expect(names.filter((name) => left.get(name) !== right.get(name) && !apart.includes(name))).toEqual([]);
      expect(left.namesApart(over(new Map(shared), other))).toBeUndefined();
    }),
  );
});
