/** The standard mesh is what it says, and each change does to a proxy what the bench waits for. */
import { describe, expect, test } from 'vitest';
import { MeshObjects } from '../../bench/mesh-objects.ts';
import { type ChangeKind, firstMark, markedAddress, standardMesh } from '../../bench/standard-mesh.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { viewOf } from '../../src/policy/view.ts';
import { versionsOf } from '../fixtures/configured.ts';
import { configurationOf } from './proxy-configuration.ts';

const small = standardMesh(0.032);

function snapshotOf(objects: MeshObjects): Snapshot {
  return buildSnapshot(objects.all(), 0);
}

function viewsOf(snapshot: Snapshot) {
  return small.proxies.map(({ key }) => {
    const workload = snapshot.workloads.get(key);
    if (workload === undefined) throw new Error(`${key} is no workload`);
    return viewOf(snapshot, workload, 0);
  });
}

describe('the standard mesh', () => {
  test('has at one a thousand services, two thousand proxies and two hundred policies', () => {
    const mesh = standardMesh(1);
    expect([mesh.tenants, mesh.services, mesh.proxies.length]).toEqual([125, 1_000, 2_000]);
    expect(mesh.tenants + mesh.places.policy).toBe(200);
    expect(new Set(mesh.proxies.map(({ key }) => key)).size).toBe(2_000);
  });

  test('concerns twenty proxies with one endpoint, on average', () => {
    const mesh = standardMesh(1);
    const concerned = Array.from(
      { length: mesh.services },
      (_, at) => mesh.change('endpoint', at, firstMark).nodes.length,
    );
    expect(concerned.reduce((sum, each) => sum + each, 0) / mesh.services).toBe(20);
  });

  test('grows with its scale in every part', () => {
    const [one, four] = [standardMesh(1), standardMesh(4)];
    expect(four.services).toBe(4 * one.services);
    expect(four.proxies).toHaveLength(4 * one.proxies.length);
    expect(four.places.policy).toBe(4 * one.places.policy);
  });

  test('is read without a problem: ten pods a service, two grants and one policy for each tenant', () => {
    const { problems, tenants, services, workloads, grants, policies } = snapshotOf(new MeshObjects(small));
    expect(problems).toEqual([]);
    expect([tenants.size, services.size, workloads.size]).toEqual([4, 32, 320]);
    expect([grants.size, policies.size]).toEqual([8, 4 + small.places.policy]);
  });

  test('lets each proxy call ten services of ten endpoints, eight of its own tenant and two of others', () => {
    for (const { outbound, workload } of viewsOf(snapshotOf(new MeshObjects(small)))) {
      expect(outbound).toHaveLength(10);
      expect(outbound.filter(({ tenant }) => tenant === workload.tenant)).toHaveLength(8);
      expect(outbound.every(({ endpoints }) => endpoints.length === 10)).toBe(true);
    }
  });

  test('is the same each time it is made', () => {
    const revisions = [0, 1].map(() => snapshotOf(new MeshObjects(standardMesh(0.032))).revision);
    expect(revisions[0]).toBe(revisions[1]);
  });
});

describe('a change', () => {
  test.for<ChangeKind>(['endpoint', 'policy', 'mesh-policy', 'no-op'])(
    'of kind %s moves the resource it names in the proxies it names, and nothing else',
    (kind) => {
      const objects = new MeshObjects(small);
      const before = snapshotOf(objects);
      const change = small.change(kind, 0, firstMark);
      objects.apply(change);
      const after = snapshotOf(objects);
      for (const [index, { key }] of small.proxies.entries()) {
        if (index % 3 !== 0) continue;
        const [then, now] = [before, after].map((snapshot) => versionsOf(configurationOf(snapshot, key)));
        const moved = [...(now ?? [])].flatMap(([name, version]) => (then?.get(name) === version ? [] : [name]));
        expect(moved).toEqual(change.nodes.includes(index) ? [`${change.typeUrl} ${change.name}`] : []);
        expect(now?.size).toBe(then?.size);
      }
    },
  );

  test('that is no change of an object is refused by the objects', () => {
    expect(() => new MeshObjects(small).apply(small.change('fan-out', 0, firstMark))).toThrow('no object');
  });

  test('without a mark of six digits is refused', () => {
    expect(() => small.change('endpoint', 0, 1_000_000)).toThrow('no mark');
    expect(() => small.change('endpoint', 0, -1)).toThrow('no mark');
  });
});

test('every mark is an address of one length', () => {
  expect([0, 9, 123_456, 999_999].map(markedAddress)).toEqual([
    '11.100.100.100',
    '11.100.100.109',
    '11.112.134.156',
    '11.199.199.199',
  ]);
});
