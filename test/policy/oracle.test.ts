/** The compiled policy says what the dumb oracle says, on every port of random meshes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type AccessRequest, decide } from '../../src/policy/decide.ts';
import { viewOf } from '../../src/policy/view.ts';
import {
  momentsMs,
  principals,
  randomMesh,
  randomTestMs,
  requestMethods,
  requestPaths,
  requestShapes,
  snapshotOf,
} from '../fixtures/random-mesh.ts';
import { randomQuarantines } from '../fixtures/random-quarantines.ts';
import { mayPass } from './oracle.ts';

const requests: readonly AccessRequest[] = principals.flatMap((principal) => [
  { kind: 'tcp', principal },
  ...requestMethods.flatMap((method) =>
    requestPaths.flatMap((path) =>
      requestShapes.map((shape): AccessRequest => ({ kind: 'http', principal, method, path, ...shape })),
    ),
  ),
]);

test('compile and decide agree with the oracle', { timeout: randomTestMs }, () => {
  const moments = fc.constantFrom(...momentsMs);
  let allowed = 0;
  let denied = 0;
  fc.assert(
    fc.property(randomMesh(), randomQuarantines, moments, moments, (objects, quarantines, one, other) => {
      const snapshot = snapshotOf(objects, undefined, quarantines);
      const [compiledMs, nowMs] = [Math.min(one, other), Math.max(one, other)];
      for (const { workload, port, opaque, policy } of portsOf(snapshot, compiledMs)) {
        for (const request of requests) {
          if ((request.kind === 'tcp') !== opaque) continue;
          const want = mayPass(snapshot, workload, port, request, nowMs);
          const found = decide(policy, request, nowMs).kind === 'allow';
          if (found !== want) expect.fail(`${workload.key}:${port} ${JSON.stringify(request)}: ${found}, not ${want}`);
          if (found) allowed += 1;
          else denied += 1;
        }
      }
    }),
    { numRuns: 200 },
  );
  // Agreement about nothing would be no agreement.
  expect(Math.min(allowed, denied)).toBeGreaterThan(1_000);
});

function portsOf(snapshot: Snapshot, nowMs: number) {
  return [...snapshot.workloads.values()].flatMap((workload) =>
    viewOf(snapshot, workload, nowMs).inbound.map(({ port, protocol, policy }) => ({
      workload,
      port,
      opaque: protocol === 'tcp',
      policy,
    })),
  );
}
