/** Hosts, headers, tokens and conditions: what is told of access and proved of resources leaves nobody out that a request lets in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { viewOf } from '../../src/policy/view.ts';
import { accessesOf } from '../../src/proof/access.ts';
import { accessMatrix } from '../../src/proof/access-matrix.ts';
import { MeshReading } from '../../src/proof/mesh-reading.ts';
import { prove } from '../../src/proof/prove.ts';
import { randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';
import { requestOf } from '../policy/language/asked-request.ts';
import { objectsOf, owner, port, randomPolicies, randomRequest, spiffeId } from '../policy/language/drawn.ts';
import { party, partyAt, proofMesh } from './proof-mesh.ts';

const nowMs = Date.UTC(2026, 10, 22);
const requests = fc.array(randomRequest, { minLength: 40, maxLength: 40 });

/** Of the other tenants, whom grants and mistakes let in. */
const strangers = ['berthe', 'boris', 'celia'].map((account, index) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: account, namespace: account === 'celia' ? 'cipres' : 'bastion', labels: { app: account } },
  spec: { serviceAccountName: account },
  status: { podIPs: [{ ip: `10.2.0.${index + 1}` }], conditions: [{ type: 'Ready', status: 'True' }] },
}));

test('whoever has a request that passes stands in the matrix, and is reached by a path or by what is not known', {
  timeout: randomTestMs,
}, () => {
  const seen = { listed: 0, unlisted: 0, path: 0, 'no-path': 0, unknown: 0 };
  fc.assert(
    fc.property(randomPolicies, requests, (drawn, asks) => {
      const snapshot = snapshotOf([...objectsOf(drawn), ...strangers]);
      const accesses = accessesOf(snapshot, nowMs);
      const [row] = accessMatrix(snapshot, accesses).services.filter(({ service }) => service.startsWith(`${owner}/`));
      const front = [...snapshot.workloads.values()].find(({ key }) => key.startsWith(`${owner}/front`));
      const inbound = front && viewOf(snapshot, front, nowMs).inbound.find((each) => each.port === port);
      if (row === undefined || front === undefined || inbound === undefined)
        throw new Error('the drawn world has no door');
      const reading = new MeshReading(proofMesh(snapshot, nowMs));
      for (const caller of snapshot.workloads.values()) {
        if (caller === front) continue;
        const own = asks.filter(({ tenant, account }) => spiffeId(tenant, account) === caller.spiffeId);
        const passing = own.find((asked) => decide(inbound.policy, requestOf(asked), nowMs).kind === 'allow');
        const ask = { from: party(caller.key), to: partyAt(front.key, port), compromised: true, hopsMax: 1 };
        const proof = prove(reading, ask).kind;
        const isListed = row.callers.includes(caller.spiffeId);
        seen[isListed ? 'listed' : 'unlisted'] += 1;
        seen[proof] += 1;
        if (passing === undefined) continue;
        expect({ caller: caller.key, isListed, isWall: proof === 'no-path' }, JSON.stringify(passing)).toEqual({
          caller: caller.key,
          isListed: true,
          isWall: false,
        });
      }
    }),
    { numRuns: 100 },
  );
  expect(Math.min(seen.listed, seen.unlisted, seen.path, seen['no-path'])).toBeGreaterThan(30);
});
