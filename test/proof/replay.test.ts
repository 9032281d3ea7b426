/** Random traffic put to two random meshes: what the replay says is what `decide` says at each door, group by group. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { decide } from '../../src/policy/decide.ts';
import { viewOf } from '../../src/policy/view.ts';
import { pathShape } from '../../src/proof/path-shape.ts';
import type { RecordedCall } from '../../src/proof/recorded-call.ts';
import { Replay } from '../../src/proof/replay.ts';
import { ReplayTally } from '../../src/proof/replay-tally.ts';
import { type VerdictChange, verdictChange } from '../../src/proof/verdict-change.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import {
  momentsMs,
  randomMesh,
  randomTestMs,
  requestMethods,
  requestPaths,
  snapshotOf,
  tenants,
} from '../fixtures/random-mesh.ts';
import { atelier, atelierPolicy, notaire, twoTenants } from '../fixtures/two-tenants.ts';

/** Of what its grants ask, a record holds everything. */
const recorded = randomMesh(tenants, ['transparent'], ['hosts']);

/** Every identity at every port that some pod declares in one of the meshes, or that nobody does. */
function callsOf(meshes: readonly Snapshot[], atMs: number): readonly RecordedCall[] {
  const workloads = meshes.flatMap(({ workloads: each }) => [...each.values()]);
  const callers = [...new Set(workloads.map(({ spiffeId }) => spiffeId))];
  const keys = [...new Set(workloads.map(({ key }) => key))];
  const places = keys.flatMap((workload) => [8_080, 9_090].map((port) => ({ workload, port })));
  return callers.flatMap((caller, from) =>
    places.flatMap((place, to) => {
      const at = from + to;
      const method = requestMethods[at % requestMethods.length] ?? 'GET';
      const path = requestPaths[at % requestPaths.length] ?? '/';
      const target = { kind: 'workload', ...place } as const;
      const request = { method, path, host: 'a.test' };
      const id = `${caller} ${place.workload}:${place.port}`;
      return [{ id, atMs, caller, target, request, verdict: 'allow', reason: 'allowed', standsFor: 10 } as const];
    }),
  );
}

function directly(snapshot: Snapshot, { caller, target, request }: RecordedCall, nowMs: number): boolean {
  if (target.kind === 'service' || request === undefined) throw new Error('no such call is drawn');
  const workload = snapshot.workloads.get(target.workload);
  const inbound = workload && viewOf(snapshot, workload, nowMs).inbound.find(({ port }) => port === target.port);
  if (inbound === undefined) return false;
  const tcp = { kind: 'tcp', principal: caller } as const;
  const asked = inbound.protocol === 'tcp' ? tcp : ({ kind: 'http', principal: caller, ...request } as const);
  return decide(inbound.policy, asked, nowMs).kind === 'allow';
}

test('of a change, a replay flips what `decide` flips under the two meshes, and nothing else', {
  timeout: randomTestMs,
}, () => {
  const seen: Record<string, number> = {};
  fc.assert(
    fc.property(recorded, recorded, fc.constantFrom(...momentsMs), (old, young, nowMs) => {
      const [was, is] = [snapshotOf(old), snapshotOf(young)];
      const [before, after] = [new Replay(was, nowMs), new Replay(is, nowMs)];
      for (const call of callsOf([was, is], nowMs)) {
        const [passed, passes] = [directly(was, call, nowMs), directly(is, call, nowMs)];
        const wanted: VerdictChange = passed === passes ? 'same' : passes ? 'newly-allowed' : 'newly-denied';
        expect({ call, change: verdictChange(before.judge(call), after.judge(call)) }).toEqual({
          call,
          change: wanted,
        });
        seen[wanted] = (seen[wanted] ?? 0) + 1;
      }
    }),
    { numRuns: 120 },
  );
  for (const change of ['same', 'newly-allowed', 'newly-denied']) expect(seen[change], change).toBeGreaterThan(50);
});

test('of a mesh that did not change, a replay flips nothing, and knows everything it knew', {
  timeout: randomTestMs,
}, () => {
  fc.assert(
    fc.property(recorded, fc.constantFrom(...momentsMs), (objects, nowMs) => {
      const snapshot = snapshotOf(objects);
      const tally = new ReplayTally(new Replay(snapshot, nowMs), new Replay(snapshotOf(objects), nowMs));
      const calls = callsOf([snapshot], nowMs);
      for (const call of calls) tally.add(call);
      const { changes, opened, mayOpen, gone } = tally.report();
      const { same, ...flipped } = changes;
      expect([same + gone, opened, mayOpen]).toEqual([calls.length, 0, 0]);
      expect(Object.values(flipped).every((count) => count === 0)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

const endedMs = Date.UTC(2030, 0, 1);
const call: RecordedCall = {
  id: 'd1',
  atMs: endedMs - 3_600_000,
  caller: atelier.web,
  target: { kind: 'workload', workload: 'atelier/api-1', port: 8_080 },
  request: { method: 'GET', path: '/documents/7', host: 'api' },
  verdict: 'allow',
  reason: 'allowed',
  standsFor: 100,
};
const judgedBy = (policy: string, recorded: RecordedCall, nowMs = endedMs) =>
  new Replay(meshFrom(`${twoTenants}\n---${atelierPolicy(policy)}`), nowMs).judge(recorded);

describe('the moment', () => {
  const until = (notAfter: string) => `{ allow: [{ from: { tenants: [atelier] }, notAfter: "${notAfter}" }] }`;

  test('a rule that has ended since the call does not come back for it', () => {
    expect(judgedBy(until('2030-01-01T00:00:00Z'), call)).toMatchObject({
      kind: 'deny',
      reason: { kind: 'rule-expired' },
    });
    expect(judgedBy(until('2030-01-01T00:00:01Z'), call).kind).toBe('allow');
  });

  test('a rule that goes by the hour is asked about the hour of the call, each time', () => {
    const mesh = meshFrom(
      `${twoTenants}\n---${atelierPolicy('{ deny: [{ when: "request.time.getHours() >= 23" }] }')}`,
    );
    const replay = new Replay(mesh, endedMs);
    const hours = [22, 23, 22].map((hour) => replay.judge({ ...call, atMs: Date.UTC(2029, 11, 31, hour) }).kind);
    expect(hours).toEqual(['allow', 'deny', 'allow']);
  });
});

describe('what was stopped at the caller', () => {
  const dialled: RecordedCall = {
    ...call,
    caller: notaire.web,
    target: { kind: 'service', service: 'atelier/api', port: 80 },
    verdict: 'deny',
    reason: 'undeclared-port',
  };
  const { request: _, ...connection } = dialled;
  const granted = (to: string) =>
    new Replay(
      meshFrom(`${twoTenants}
---
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api${to} }, reason: r }
`),
      endedMs,
    ).judge(connection).kind;

  test('is let in by a grant of everything, and may be by one of some requests', () => {
    expect(granted('')).toBe('allow');
    expect(granted(', paths: ["/documents/*"]')).toBe('unknown');
  });

  test('of a tenant that is let in, the opening is counted, and the group says so', () => {
    const walled = new Replay(meshFrom(twoTenants), endedMs);
    const open = new Replay(
      meshFrom(`${twoTenants}
---
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: r }
`),
      endedMs,
    );
    const tally = new ReplayTally(walled, open);
    tally.add(connection);
    const { opened, groups } = tally.report();
    expect(opened).toBe(1);
    expect(groups['newly-allowed']).toMatchObject([
      {
        destination: 'atelier/api:80',
        crossTenant: true,
        before: 'denied: no grant leads from tenant `notaire` to this port of `atelier`',
        after: expect.stringMatching(/^allowed: `grant\/atelier\/g` \(mesh\.yaml:\d+\)$/),
      },
    ]);
  });
});

test('calls that are alike are one group, with how many they stand for and the first as the example', () => {
  const denying = meshFrom(`${twoTenants}\n---${atelierPolicy('{ deny: [{ to: { paths: ["/documents/*"] } }] }')}`);
  const tally = new ReplayTally(new Replay(meshFrom(twoTenants), endedMs), new Replay(denying, endedMs));
  for (const [index, path] of ['/documents/1', '/documents/22', '/documents/x'].entries()) {
    tally.add({ ...call, id: `d${index}`, request: { method: 'GET', path, host: 'api' } });
  }
  expect(tally.report().groups['newly-denied']).toMatchObject([
    { path: '/documents/{}', seen: 2, standsFor: 200, example: 'd0' },
    { path: '/documents/x', seen: 1, standsFor: 100, example: 'd2' },
  ]);
});

test('a record that says otherwise than the mesh as it is now is drift, whatever the change does', () => {
  const same = () => new Replay(meshFrom(twoTenants), endedMs);
  const tally = new ReplayTally(same(), same());
  tally.add({ ...call, verdict: 'deny', reason: 'quarantined', revision: 'r7' });
  tally.add({ ...call, verdict: 'unavailable', reason: 'ext_authz_error' });
  tally.add(call);
  const { drifted, drift, changes } = tally.report();
  expect([drifted, changes.same]).toEqual([2, 3]);
  expect(drift.map(({ recorded, revision }) => [recorded, revision])).toEqual([
    ['deny: quarantined', 'r7'],
    ['unavailable: ext_authz_error', undefined],
  ]);
});

test.for([
  ['/', '/'],
  ['/documents/4711/pages/3', '/documents/{}/pages/{}'],
  ['/apis/coffre.dev/v1alpha1/grants', '/apis/coffre.dev/v1alpha1/grants'],
  ['/deeds/0af76519-16cd-43dd-8448-eb211c80319c', '/deeds/{}'],
  [`/files/${'a'.repeat(60)}`, '/files/{}'],
  ['/a/b/c/d/e/f/g/h', '/a/b/c/d/e/f/…'],
] as const)('%s has the shape %s', ([path, shape]) => {
  expect(pathShape(path)).toBe(shape);
});

test('groups are bounded, and what finds no room is counted', () => {
  const groupsMax = 2_000;
  const denying = meshFrom(`${twoTenants}\n---${atelierPolicy('{ deny: [{ to: { paths: ["/*"] } }] }')}`);
  const tally = new ReplayTally(new Replay(meshFrom(twoTenants), endedMs), new Replay(denying, endedMs));
  for (let index = 0; index < groupsMax + 5; index += 1) {
    tally.add({ ...call, request: { method: 'GET', path: `/word-${index}`, host: 'api' } });
  }
  const { groups, changes, ungrouped } = tally.report();
  expect([groups['newly-denied'].length, changes['newly-denied'], ungrouped]).toEqual([groupsMax, groupsMax + 5, 5]);
});
