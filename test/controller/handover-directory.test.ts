/** Who is where and who is there is known from what moved as it would be from everything, after any course. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandoverDirectory } from '../../src/controller/handover-directory.ts';
import { changesBetween } from '../../src/controller/rollout-changes.ts';
import type { Workload } from '../../src/model/snapshot.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

const template = meshFrom(twoTenants).workloads.get('atelier/api-1') ?? expect.fail('no such workload');
const keys = ['shop/a', 'shop/b', 'shop/c', 'bank/a', 'bank/b'];
const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'];

/** Workloads of which no two have an address in common: the first has two, the others one. */
const anyWorkloads = fc
  .tuple(fc.shuffledSubarray(keys), fc.shuffledSubarray(addresses, { minLength: addresses.length }))
  .map(([names, pool]): ReadonlyMap<string, Workload> => {
    const own = (at: number) => (at === 0 ? pool.slice(0, 2) : pool.slice(at + 1, at + 2));
    return new Map(names.map((key, at) => [key, { ...template, key, addresses: own(at) }]));
  });

const anyStep = fc.record({
  next: anyWorkloads,
  streams: fc.array(fc.record({ key: fc.constantFrom(...keys), comes: fc.boolean() }), { maxLength: 4 }),
});

test('of workloads by address, and of streams by whom they ask for', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 6 }), (steps) => {
      const directory = new HandoverDirectory();
      const connected = new Set<string>();
      let former: ReadonlyMap<string, Workload> = new Map();
      for (const { next, streams } of steps) {
        directory.look(next, changesBetween(former, next));
        former = next;
        for (const { key, comes } of streams) {
          if (comes) connected.add(key);
          else connected.delete(key);
          if (comes) directory.connect(key);
          else directory.disconnect(key);
        }
        for (const address of addresses) {
          const there = [...next.values()].find((workload) => workload.addresses.includes(address));
          expect(directory.at(`${address} 8080`)).toBe(there);
        }
        for (const tenant of ['shop', 'bank', 'none']) {
          const callers = [...directory.callersAt(`8080 ${tenant}.mesh.coffre`)].sort();
          expect(callers).toEqual([...connected].filter((key) => key.startsWith(`${tenant}/`)).sort());
        }
        for (const key of keys) {
          expect([directory.workload(key), directory.isConnected(key)]).toEqual([next.get(key), connected.has(key)]);
        }
      }
    }),
    { numRuns: 200 },
  );
});
