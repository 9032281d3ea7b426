/** Listings that are made of those of before are those that would be made of all resources. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listingsOf, listingsReplaced } from '../../src/controller/listings.ts';
import type { Resource } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';

const places = [typeUrls.cluster, typeUrls.endpoints].flatMap((typeUrl) =>
  ['a', 'b', 'c'].map((name) => ({ typeUrl, name })),
);
const told = fc
  .subarray(places)
  .chain((some) =>
    fc.tuple(
      ...some.map((place) =>
        fc.constantFrom('1', '2').map((version): Resource => ({ ...place, version, any: Buffer.from(version) })),
      ),
    ),
  );

test('what is replaced in listings is what would be listed of all, and the rest is the very same', () => {
  let replaced = 0;
  fc.assert(
    fc.property(told, told, (former, resources) => {
      const before = listingsOf(former);
      const next = listingsReplaced(former, before, resources);
      const nameOf = ({ typeUrl, name }: Resource) => `${typeUrl} ${name}`;
      expect(next === undefined).toBe(former.map(nameOf).join() !== resources.map(nameOf).join());
      if (next === undefined) return;
      expect(next).toEqual(listingsOf(resources));
      // As `listingsOf` would keep them: listings of equal versions, and all of them where none is another.
      const kept = listingsOf(resources, before);
      for (const [typeUrl, listing] of before)
        expect(next.get(typeUrl) === listing).toBe(kept.get(typeUrl) === listing);
      expect(next === before).toBe(kept === before);
      replaced += 1;
    }),
    { numRuns: 2_000 },
  );
  expect(replaced).toBeGreaterThan(0);
});
