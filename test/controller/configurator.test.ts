/** What is told of one mesh after another: that of the pure function, byte for byte, and the very same value where nothing changed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Configurator } from '../../src/controller/configurator.ts';
import { type Configuration, configure, type IssuedTrust } from '../../src/controller/configure.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { platform } from '../fixtures/configured.ts';
import { fakeTrust } from '../fixtures/fake-trust.ts';
import { randomHistory } from '../fixtures/random-history.ts';
import { momentsMs, randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';
import { randomQuarantines } from '../fixtures/random-quarantines.ts';

/** By type and name: the version, which is the hash of the bytes. */
function versions({ types }: ResourceSnapshot) {
  return new Map(
    [...types].map(([type, listing]) => [type, new Map([...listing].map(([name, each]) => [name, each.version]))]),
  );
}

/** All but the order, which nobody is told. */
function comparable({ proxies, told, withheld, failed }: Configuration) {
  return {
    proxies: new Map([...proxies].map(([key, each]) => [key, versions(each)])),
    told: new Map([...told].map(([tenant, keys]) => [tenant, keys.toSorted()])),
    withheld: withheld.toSorted(),
    failed: new Map(failed.map(({ workload, cause }) => [workload, String(cause)])),
  };
}

/** A CA that has not issued everything yet, and has renewed some of it. */
function trustAt(day: number, missing: ReadonlySet<string>): IssuedTrust {
  return {
    ...fakeTrust,
    leaf: (spiffeId) => {
      const leaf = fakeTrust.leaf(spiffeId);
      if (missing.has(spiffeId) || leaf === undefined) return undefined;
      return spiffeId.includes('/sa/a') ? { ...leaf, privateKeyPem: `${leaf.privateKeyPem}${day}` } : leaf;
    },
    bundlePem: (tenant) => (missing.has(tenant) ? undefined : fakeTrust.bundlePem(tenant)),
  };
}

const missing = fc
  .subarray(['bastion', 'spiffe://mesh.test/ns/aurore/sa/adele', 'spiffe://mesh.test/ns/cipres/sa/celia'])
  .map((names) => new Set(names));
const look = fc.record({
  quarantines: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, randomQuarantines),
  day: fc.nat({ max: 1 }),
  missing: fc.oneof({ weight: 2, arbitrary: fc.constant(new Set<string>()) }, missing),
});

test(
  'through any history of objects, quarantines, certificates and moments, it tells what the pure function tells of the last',
  () => {
    let proxies = 0;
    const looks = fc.array(fc.tuple(look, fc.constantFrom(...momentsMs)), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(randomHistory(4), looks, (history, unsorted) => {
        const configurator = new Configurator(platform);
        const moments = unsorted.map(([, nowMs]) => nowMs).sort((left, right) => left - right);
        let before: Configuration | undefined;
        for (const [index, objects] of history.entries()) {
          const nowMs = moments[index] ?? 0;
          const [{ day, missing, quarantines }] = unsorted[index] ?? [
            { day: 0, missing: new Set<string>(), quarantines: [] },
          ];
          const snapshot = snapshotOf(objects, nowMs, quarantines);
          const trust = trustAt(day, missing);
          const told = configurator.configure(snapshot, trust, nowMs);
          expect(comparable(told)).toEqual(comparable(configure(snapshot, trust, platform, nowMs)));
          for (const [key, each] of told.proxies) {
            const was = before?.proxies.get(key);
            if (was === undefined || was === each) continue;
            // What is not the same value differs in content, and has the revision at which it changed.
            expect(versions(each)).not.toEqual(versions(was));
            expect(each.revision).toBe(snapshot.revision);
          }
          proxies += told.proxies.size;
          before = told;
        }
      }),
      { numRuns: 40 },
    );
    expect(proxies).toBeGreaterThan(0);
  },
  randomTestMs,
);

const golden = join(import.meta.dirname, '../envoy/golden');
const scenarios = readdirSync(golden).filter((name) => existsSync(join(golden, name, 'input.yaml')));

function scenario(name: string): Snapshot {
  const { objects } = parseDocument(readFileSync(join(golden, name, 'input.yaml'), 'utf8'), 'input.yaml');
  return buildSnapshot(objects);
}

test('from any scenario to the next it tells what the pure function tells of the next', () => {
  const configurator = new Configurator(platform);
  for (const name of [...scenarios, ...scenarios.toReversed()]) {
    const snapshot = scenario(name);
    const told = configurator.configure(snapshot, fakeTrust, 0);
    expect(comparable(told), name).toEqual(comparable(configure(snapshot, fakeTrust, platform, 0)));
    expect(configurator.configure(scenario(name), fakeTrust, 0), name).toBe(told);
  }
});

test('a tenant of which something throws is made the slow way, is said to be, and finds back without a change', () => {
  const whole: string[] = [];
  const configurator = new Configurator(platform, { madeWhole: (tenant, cause) => whole.push(`${tenant}: ${cause}`) });
  const snapshot = scenario('access-policy');
  const before = configurator.configure(snapshot, fakeTrust, 0);
  expect(whole).toEqual([]);
  const lost: IssuedTrust = {
    ...fakeTrust,
    leaf: () => {
      throw new Error('lost');
    },
  };
  const told = configurator.configure(snapshot, lost, 0);
  expect(comparable(told)).toEqual(comparable(configure(snapshot, lost, platform, 0)));
  expect(whole).toEqual([...snapshot.tenants.keys()].map((tenant) => `${tenant}: Error: lost`));
  const after = configurator.configure(snapshot, fakeTrust, 0);
  expect(comparable(after)).toEqual(comparable(before));
  expect(whole).toHaveLength(snapshot.tenants.size);
});
