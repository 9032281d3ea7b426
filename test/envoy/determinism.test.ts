/** The same mesh gives the same bytes: whatever the order, the spelling of the YAML, or the run. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { configured, versionsOf } from '../fixtures/configured.ts';
import { documents, objectsFrom } from '../fixtures/mesh-from.ts';
import { momentsMs, randomMesh, randomTestMs, snapshotOf, yamlOf } from '../fixtures/random-mesh.ts';
import { tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';

const moments = fc.constantFrom(...momentsMs);

test('FLT-07 shuffled objects and another spelling give the same versions', { timeout: randomTestMs }, () => {
  const meshAndOrder = randomMesh().chain((objects) =>
    fc.tuple(fc.constant(objects), fc.shuffledSubarray([...objects], { minLength: objects.length })),
  );
  fc.assert(
    fc.property(meshAndOrder, moments, ([objects, shuffled], nowMs) => {
      const wanted = versions(snapshotOf(objects, nowMs), nowMs);
      expect(versions(snapshotOf(shuffled, nowMs), nowMs)).toEqual(wanted);
      const asYaml = objectsFrom(yamlOf(shuffled));
      expect(versions(buildSnapshot(asYaml, nowMs), nowMs)).toEqual(wanted);
      // JSON is YAML too, here with the fields of every object in reverse.
      const asJson = objectsFrom(documents(...objects.map((object) => JSON.stringify(reversed(object)))));
      expect(versions(buildSnapshot(asJson, nowMs), nowMs)).toEqual(wanted);
    }),
    { numRuns: 40 },
  );
});

test('another content gives another version: the hash is not of nothing', () => {
  const closed = documents(tenant('atelier', 'environment: prod, defaultAccess: none'), tenant('notaire'), workloads);
  const [before, after] = [twoTenants, closed].map((yaml) => versions(buildSnapshot(objectsFrom(yaml)), 0));
  expect(after).not.toEqual(before);
});

function versions(snapshot: ReturnType<typeof snapshotOf>, nowMs: number): unknown {
  const proxies = [...configured(snapshot, nowMs)].map(([key, resources]) => [key, [...versionsOf(resources)]]);
  return { revision: snapshot.revision, proxies };
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  );
}
