/** Runs a check over the decoded configuration of every proxy of many random meshes, and fails if there was none. */
import type { JsonValue } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect } from 'vitest';
import { configured, decoded, type TypeName, typeNames } from '../fixtures/configured.ts';
import { momentsMs, randomMesh, snapshotOf } from '../fixtures/random-mesh.ts';

export type Resources = Readonly<Record<TypeName, ReadonlyMap<string, JsonValue>>>;

export function everyConfiguration(check: (resources: Resources) => void): void {
  let proxies = 0;
  fc.assert(
    fc.property(randomMesh(), fc.constantFrom(...momentsMs), (objects, nowMs) => {
      for (const proxy of configured(snapshotOf(objects), nowMs).values()) {
        proxies += 1;
        const entries = typeNames.map((type) => [type, decoded(proxy, type)] as const);
        check(Object.fromEntries(entries) as Resources);
      }
    }),
    { numRuns: 60 },
  );
  expect(proxies).toBeGreaterThan(0);
}
