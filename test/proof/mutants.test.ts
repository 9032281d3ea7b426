/** One compiled resource spoilt in each of 500 random meshes: the proof says what is true then, and it did so before. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MeshReading } from '../../src/proof/mesh-reading.ts';
import { prove } from '../../src/proof/prove.ts';
import { momentsMs, randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';
import { isAllowed, type Mutant, mutants, type Scene, scenesOf } from './mutants.ts';
import { party, partyAt, plainMesh, proofMesh } from './proof-mesh.ts';

test('one spoilt resource turns the answer for whom it lets in or shuts out, and for nobody else', {
  timeout: 3 * randomTestMs,
}, () => {
  const flips = new Map<string, number>();
  let meshes = 0;
  fc.assert(
    fc.property(
      plainMesh,
      fc.constantFrom(...momentsMs),
      fc.nat(),
      fc.shuffledSubarray([...mutants], { minLength: mutants.length }),
      (objects, nowMs, pick, order) => {
        const snapshot = snapshotOf(objects);
        const mesh = proofMesh(snapshot, nowMs);
        const scenes = scenesOf(snapshot, mesh, nowMs);
        const scene = scenes[pick % Math.max(1, scenes.length)];
        fc.pre(scene !== undefined);
        if (scene === undefined) return;
        const { mutant, spoilt } = firstSpoilt(order, scene);
        meshes += 1;
        const { callee, port } = scene;
        const readings = { before: new MeshReading(mesh), after: new MeshReading(spoilt.mesh) };
        for (const caller of snapshot.workloads.values()) {
          if (caller === callee) continue;
          const ask = { from: party(caller.key), to: partyAt(callee.key, port.port), compromised: true, hopsMax: 1 };
          const wanted = {
            before: isAllowed(port.policy, scene, caller) ? 'path' : 'no-path',
            after: spoilt.comesIn(caller) ? 'path' : 'no-path',
          };
          const said = { before: prove(readings.before, ask).kind, after: prove(readings.after, ask).kind };
          const about = { mutant: mutant.name, caller: caller.key, callee: callee.key, port: port.port };
          expect({ ...about, ...said }).toEqual({ ...about, ...wanted });
          if (said.before !== said.after) flips.set(mutant.name, (flips.get(mutant.name) ?? 0) + 1);
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(meshes).toBe(500);
  const never = mutants.map(({ name }) => name).filter((name) => !flips.has(name));
  expect(never).toEqual(['the own chain asks for no certificate, which the rules still do']);
});

/** Some mutants find nothing to spoil at a port. */
function firstSpoilt(order: readonly Mutant[], scene: Scene) {
  for (const mutant of order) {
    const spoilt = mutant.spoil(scene);
    if (spoilt !== undefined) return { mutant, spoilt };
  }
  throw new Error('no mutant has anything to spoil');
}
