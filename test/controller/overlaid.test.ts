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
