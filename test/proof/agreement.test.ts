/**
 * Two readings of the same mesh, held together: the proof over compiled resources, and the oracle over the sources.
 *
 * For each identity and each declared port of random meshes: there is a direct path exactly where the oracle lets some
 * request pass, and the request that the proof shows is one of these.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccessRequest } from '../../src/policy/decide.ts';
import { headerLines } from '../../src/policy/stated-request.ts';
import { MeshReading } from '../../src/proof/mesh-reading.ts';
import { prove } from '../../src/proof/prove.ts';
import {
  momentsMs,
  randomMesh,
  randomTestMs,
  requestMethods,
  requestPaths,
  requestShapes,
  snapshotOf,
  tenants,
} from '../fixtures/random-mesh.ts';
import { mayPass } from '../policy/oracle.ts';
import { party, partyAt, proofMesh } from './proof-mesh.ts';
import { workloadPairs } from './workload-pairs.ts';

/** Without conditions, which are a worker's to judge: of them a proof says `unknown`. */
const meshes = randomMesh(tenants, ['transparent'], ['hosts', 'headers']);

test('the compiled resources let a caller in exactly where the policy lets some request of its pass', {
  timeout: randomTestMs,
}, () => {
  const seen = { path: 0, 'no-path': 0, unknown: 0 };
  fc.assert(
    fc.property(meshes, fc.constantFrom(...momentsMs), (objects, nowMs) => {
      const snapshot = snapshotOf(objects);
      const reading = new MeshReading(proofMesh(snapshot, nowMs));
      for (const { caller, callee, port, opaque } of workloadPairs(snapshot, nowMs)) {
        const allowed = (request: AccessRequest) => mayPass(snapshot, callee, port, request, nowMs);
        const question = { from: party(caller.key), to: partyAt(callee.key, port), compromised: true, hopsMax: 1 };
        const proof = prove(reading, question);
        seen[proof.kind] += 1;
        const wanted = requestsOf(caller.spiffeId, opaque).some(allowed) ? 'path' : 'no-path';
        expect({ from: caller.key, to: callee.key, port, proof: proof.kind }).toMatchObject({ proof: wanted });
        if (proof.kind !== 'path') continue;
        const [link] = proof.links;
        const way = link?.entry.kind === 'admitted' ? link.entry.way : undefined;
        const shown: AccessRequest =
          way?.request === undefined
            ? { kind: 'tcp', principal: caller.spiffeId }
            : {
                kind: 'http',
                principal: caller.spiffeId,
                method: way.request.method,
                path: way.request.path,
                host: way.request.host,
                headers: headerLines([...way.request.headers]),
              };
        expect({ shown, allowed: allowed(shown) }).toMatchObject({ allowed: true });
      }
    }),
    { numRuns: 150 },
  );
  expect(seen.path).toBeGreaterThan(100);
  expect(seen['no-path']).toBeGreaterThan(100);
  expect(seen.unknown).toBe(0);
});

function requestsOf(principal: string, opaque: boolean): readonly AccessRequest[] {
  if (opaque) return [{ kind: 'tcp', principal }];
  return [...requestMethods, 'PUT'].flatMap((method) =>
    requestPaths.flatMap((path) =>
      requestShapes.map((shape) => ({ kind: 'http', principal, method, path, ...shape }) as const),
    ),
  );
}
