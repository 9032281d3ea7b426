/** What differs between two listings is found as if every name were looked up, also where the next one has followed another. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listingChanges } from '../../src/controller/listing-changes.ts';
import { Overlaid } from '../../src/controller/overlaid.ts';
import type { Listing, Resource } from '../../src/xds/resource.ts';

const names = ['a', 'b', 'c', 'd'];
const contents = names.flatMap((name) => ['1', '2'].map((version) => ({ name, version })));
/** Two values of each content: the same content need not be the very same value. */
const resources: readonly Resource[] = [...contents, ...contents].map((content) => ({
  ...{ typeUrl: 'type.example/any', any: new Uint8Array() },
  ...content,
}));

const plain = fc
  .uniqueArray(fc.constantFrom(...resources), { selector: ({ name }) => name })
  .map((listed): Listing => new Map(listed.map((resource) => [resource.name, resource])));

/** What a class shares: the very same for whoever lies over it. */
const shared = fc.sample(plain, { numRuns: 3, seed: 1 });
const anyListing = fc.oneof(
  plain,
  fc
    .tuple(fc.constantFrom(...shared), plain)
    .map(([below, own]) => new Overlaid(below, [...own.keys()], [...own.values()])),
);

test('as if every name were looked up', () => {
  fc.assert(
    fc.property(anyListing, anyListing, anyListing, (former, other, next) => {
      for (const before of [former, other, former]) {
        const { changed, gone, isKept } = listingChanges(before, next);
        const differing = [...next.values()].filter(({ name, version }) => before.get(name)?.version !== version);
        expect(changed.map(({ after }) => after)).toEqual(differing);
        expect(changed.map(({ before: each }) => each)).toEqual(differing.map(({ name }) => before.get(name)));
        expect(gone).toEqual([...before.values()].filter(({ name }) => !next.has(name)));
        const same = [...next.values()].filter((each) => !differing.includes(each));
        expect(isKept).toBe(same.every((each) => before.get(each.name) === each));
      }
    }),
  );
});

test('a listing that is absent has nothing in it', () => {
  const [resource] = resources;
  if (resource === undefined) throw new Error('there is none');
  const listing = new Map([[resource.name, resource]]);
  expect(listingChanges(undefined, listing)).toEqual({ changed: [{ after: resource }], gone: [], isKept: true });
  expect(listingChanges(listing, undefined)).toEqual({ changed: [], gone: [resource], isKept: true });
});

test('of those that share both it is found once', () => {
  const [former, next] = [new Map(), new Map()];
  expect(listingChanges(former, next)).toBe(listingChanges(former, next));
});
