/**
 * Tenants of different environments never meet, whatever else a mesh says: nobody is let in by the policy, and over what
 * its proxies are told there is no path, in as many hops as are looked at.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Snapshot, Workload } from '../../src/model/snapshot.ts';
import { decide } from '../../src/policy/decide.ts';
import { viewOf } from '../../src/policy/view.ts';
import { MeshReading } from '../../src/proof/mesh-reading.ts';
import { prove } from '../../src/proof/prove.ts';
import { type MeshObject, randomTestMs, requestMethods, requestPaths, snapshotOf } from '../fixtures/random-mesh.ts';
import { party, partyAt, plainMesh, proofMesh } from './proof-mesh.ts';

const apart = 'bastion';
const hopsMax = 3;

test('on random meshes a tenant of another environment reaches nobody, and nobody reaches it', {
  timeout: randomTestMs,
}, () => {
  let walled = 0;
  let met = 0;
  fc.assert(
    fc.property(plainMesh, (objects) => {
      const [staging, prod] = (['staging', 'prod'] as const).map((environment) =>
        snapshotOf(moved(objects, environment)),
      );
      if (staging === undefined || prod === undefined) return;
      const reading = new MeshReading(proofMesh(staging));
      for (const [caller, callee, port] of acrossPairs(staging)) {
        expect({
          caller: caller.key,
          callee: callee.key,
          port,
          passes: isLetIn(staging, caller, callee, port),
        }).toMatchObject({ passes: false });
        const question = { from: party(caller.key), to: partyAt(callee.key, port), compromised: true, hopsMax };
        expect({ caller: caller.key, callee: callee.key, port, ...prove(reading, question) }).toMatchObject({
          kind: 'no-path',
        });
        walled += 1;
        if (isLetIn(prod, caller, callee, port)) met += 1;
      }
    }),
    { numRuns: 60 },
  );
  // Where nobody would have met anyway, nothing was kept apart.
  expect(walled).toBeGreaterThan(100);
  expect(met).toBeGreaterThan(0);
});

function moved(objects: readonly MeshObject[], environment: string): readonly MeshObject[] {
  return objects.map((object) => {
    if (object.kind !== 'Tenant') return object;
    const own = object.metadata.name === apart ? environment : 'prod';
    return { ...object, spec: { ...(object['spec'] as object), environment: own } };
  });
}

function acrossPairs(snapshot: Snapshot): readonly (readonly [Workload, Workload, number])[] {
  const workloads = [...snapshot.workloads.values()];
  return workloads.flatMap((callee) =>
    viewOf(snapshot, callee, 0).inbound.flatMap(({ port }) =>
      workloads
        .filter(({ tenant }) => (tenant === apart) !== (callee.tenant === apart))
        .map((caller) => [caller, callee, port] as const),
    ),
  );
}

function isLetIn(snapshot: Snapshot, { spiffeId: principal }: Workload, { key }: Workload, port: number): boolean {
  const callee = snapshot.workloads.get(key);
  const inbound = callee && viewOf(snapshot, callee, 0).inbound.find((each) => each.port === port);
  if (inbound === undefined) return false;
  const { policy, protocol } = inbound;
  if (protocol === 'tcp') return decide(policy, { kind: 'tcp', principal }, 0).kind === 'allow';
  return requestMethods.some((method) =>
    requestPaths.some(
      (path) => decide(policy, { kind: 'http', principal, method, path, host: 'a.test' }, 0).kind === 'allow',
    ),
  );
}
