/**
 * One rule of the YAML written otherwise, in each of 168 random meshes: text ─▶ objects ─▶ Envoy's bytes ─▶ proof.
 *
 * Only slips that matter are tried: an oracle over the sources says that somebody comes in, or no more. The proof is asked
 * before and after, of those and of others, and turns for exactly these.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { AccessRequest } from '../../src/policy/decide.ts';
import { MeshReading } from '../../src/proof/mesh-reading.ts';
import { prove } from '../../src/proof/prove.ts';
import {
  type MeshObject,
  momentsMs,
  randomTestMs,
  requestMethods,
  requestPaths,
  snapshotOf,
  yamlOf,
} from '../fixtures/random-mesh.ts';
import { mayPass } from '../policy/oracle.ts';
import { party, partyAt, plainMesh, proofMesh } from './proof-mesh.ts';
import { slips, sourceMutants } from './source-mutants.ts';
import { workloadPairs } from './workload-pairs.ts';

/** Meshes in which each slip turns some answer: 168 in all. */
const meshesOfEach = 12;
/** Of all callers and ports, how many are asked about in one mesh: those whose answer turns come first. */
const pairsMax = 6;

test.for(sourceMutants)(
  '$name: the proof turns exactly where the oracle does',
  { timeout: 2 * randomTestMs },
  (mutant) => {
    fc.assert(
      fc.property(plainMesh, fc.constantFrom(...momentsMs), (objects, nowMs) => {
        const turned = slips(objects, mutant)
          .map((after) => ({ after, pairs: byTurn(snapshotOf(objects), snapshotOf(after), nowMs) }))
          .find(({ pairs }) => pairs.some(({ turns }) => turns));
        fc.pre(turned !== undefined);
        if (turned === undefined) return;
        const [before, after] = [world(objects, nowMs), world(turned.after, nowMs)];
        for (const { turns, ...pair } of turned.pairs.slice(0, pairsMax)) {
          const [was, is] = [answersOf(before, pair, nowMs), answersOf(after, pair, nowMs)];
          expect({ ...pair, was: was.proof, is: is.proof, turns }).toEqual({
            ...pair,
            was: was.oracle,
            is: is.oracle,
            turns: was.proof !== is.proof,
          });
        }
      }),
      { numRuns: meshesOfEach, maxSkipsPerRun: 1_000 },
    );
  },
);

/** Those first whose answer turns, by the oracle. */
function byTurn(before: Snapshot, after: Snapshot, nowMs: number) {
  // What a slip never changes: who is there, and on which ports.
  return workloadPairs(before, nowMs)
    .map(({ caller, callee, ...rest }): Pair => ({ caller: caller.key, callee: callee.key, ...rest }))
    .map((pair) => ({ ...pair, turns: isLetIn(before, pair, nowMs) !== isLetIn(after, pair, nowMs) }))
    .sort((left, right) => Number(right.turns) - Number(left.turns));
}

interface World {
  readonly snapshot: Snapshot;
  readonly reading: MeshReading;
}

function world(objects: readonly MeshObject[], nowMs: number): World {
  const snapshot = buildSnapshot(parseDocument(yamlOf(objects), 'mesh.yaml').objects);
  return { snapshot, reading: new MeshReading(proofMesh(snapshot, nowMs)) };
}

interface Pair {
  readonly caller: string;
  readonly callee: string;
  readonly port: number;
  readonly opaque: boolean;
}

function answersOf({ snapshot, reading }: World, pair: Pair, nowMs: number) {
  const ask = { from: party(pair.caller), to: partyAt(pair.callee, pair.port), compromised: true, hopsMax: 1 };
  return { proof: prove(reading, ask).kind, oracle: isLetIn(snapshot, pair, nowMs) ? 'path' : 'no-path' };
}

function isLetIn(snapshot: Snapshot, { caller, callee, port, opaque }: Pair, nowMs: number): boolean {
  const [from, to] = [caller, callee].map((key) => snapshot.workloads.get(key));
  if (from === undefined || to === undefined) throw new Error('a slip takes no workload away');
  return requestsOf(from.spiffeId, opaque).some((request) => mayPass(snapshot, to, port, request, nowMs));
}

function requestsOf(principal: string, opaque: boolean): readonly AccessRequest[] {
  if (opaque) return [{ kind: 'tcp', principal }];
  return [...requestMethods, 'PUT'].flatMap((method) =>
    requestPaths.map((path) => ({ kind: 'http', principal, method, path, host: 'a.test' }) as const),
  );
}
