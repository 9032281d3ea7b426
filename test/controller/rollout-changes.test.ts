/** What differs between two maps is found whatever came, went or moved in between. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changesBetween } from '../../src/controller/rollout-changes.ts';

const anyMap = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...'abcdefgh'), fc.nat(2)), { selector: ([key]) => key })
  .map((entries): ReadonlyMap<string, number> => new Map(entries));

test('as if every key were looked up', () => {
  fc.assert(
    fc.property(anyMap, anyMap, (former, next) => {
      const { changed, gone } = changesBetween(former, next);
      expect([...changed]).toEqual([...next].filter(([key, value]) => former.get(key) !== value));
      expect([...gone].sort()).toEqual([...former.keys()].filter((key) => !next.has(key)).sort());
    }),
    { numRuns: 500 },
  );
});
