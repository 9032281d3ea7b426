/** The order in which objects and rules are written decides nothing: neither the verdict nor the rule that is named. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { viewOf } from '../../src/policy/view.ts';
import { type MeshObject, randomMesh, randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';

test('shuffled objects compile to the same views', { timeout: randomTestMs }, () => {
  const meshAndOrder = randomMesh().chain((objects) =>
    fc.tuple(fc.constant(objects), fc.shuffledSubarray([...objects], { minLength: objects.length })),
  );
  fc.assert(
    fc.property(meshAndOrder, ([objects, shuffled]) => {
      expect(viewsOf(shuffled)).toEqual(viewsOf(objects));
    }),
  );
});

/** Without the lines, which are where the order was. */
function viewsOf(objects: readonly MeshObject[]): unknown {
  const snapshot = snapshotOf(objects);
  const views = [...snapshot.workloads.values()].map((workload) => viewOf(snapshot, workload, 0));
  return JSON.parse(JSON.stringify(views, (key, value: unknown) => (key === 'where' ? undefined : value)));
}
