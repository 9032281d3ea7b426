/** Values by owner: the grouping that anybody would expect, made of the lists of before wherever they stand. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JoinedMap } from '../../src/model/joined-map.ts';
import { grouped, regrouped } from '../../src/policy/groups.ts';

interface Owned {
  readonly key: string;
  readonly tenant: string;
}

const owner = ({ tenant }: Owned) => tenant;
/** Two values of each key, told apart by identity alone. */
const pool: readonly Owned[] = ['a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'c/1'].flatMap((key) =>
  [0, 1].map(() => ({ key, tenant: key.slice(0, 1) })),
);
const mesh = fc
  .uniqueArray(fc.constantFrom(...pool), { selector: ({ key }) => key })
  .map((values) => new Map(values.map((value) => [value.key, value])));

test('values are grouped in their order, in whatever order their owners come', () => {
  fc.assert(
    fc.property(mesh, mesh, (former, next) => {
      const expected = Map.groupBy(next.values(), owner);
      const before = grouped(former.values(), owner);
      expect(grouped(next.values(), owner, before)).toEqual(expected);
      const plain = regrouped(next, owner, { values: former, groups: before });
      const after = regrouped(joined(next), owner, { values: joined(former), groups: before });
      for (const groups of [plain, after]) {
        expect(groups).toEqual(expected);
        for (const [tenant, members] of expected) {
          expect(groups.get(tenant)?.every((each, index) => each === members[index])).toBe(true);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a list of the very same members is the very same list, beside one that moved', () => {
  const [one, again, two, , three, , other] = pool;
  if (one === undefined || again === undefined || two === undefined || three === undefined || other === undefined) {
    throw new Error('the pool is too small');
  }
  const mapOf = (...values: readonly Owned[]) => new Map(values.map((value) => [value.key, value]));
  const former = mapOf(one, two, other);
  const groups = regrouped(former, owner);
  for (const next of [mapOf(again, two, other), mapOf(one, two, three, other), mapOf(two, other)]) {
    const after = regrouped(joined(next), owner, { values: joined(former), groups });
    expect(after.get('b')).toBe(groups.get('b'));
    expect(after.get('a')).not.toBe(groups.get('a'));
  }
  expect(regrouped(former, owner, { values: former, groups })).toBe(groups);
});

/** As a snapshot has them: by owner. */
function joined(values: ReadonlyMap<string, Owned>): JoinedMap<Owned> {
  const parts = Map.groupBy(values, ([, each]) => each.tenant);
  return new JoinedMap(new Map([...parts].map(([tenant, entries]) => [tenant, new Map(entries)])));
}
