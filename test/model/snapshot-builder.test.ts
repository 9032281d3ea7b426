/** One builder through a history tells what a new one would of each moment, and keeps what is equal. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MeshObjects } from '../../bench/mesh-objects.ts';
import { firstMark, standardMesh } from '../../bench/standard-mesh.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { JoinedMap } from '../../src/model/joined-map.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';
import { isOfKind, type SourcedObject, validObject } from '../../src/model/sourced-object.ts';
import { writtenHistory } from '../fixtures/written-history.ts';
import { grant, mesh, pod, policy, service, tenant } from './written.ts';

/** A bound on a loaded machine, in ms; alone each takes a few seconds at most. */
const options = { timeout: 120_000 };

test('after any history the snapshot is that of its last moment alone', options, () => {
  fc.assert(
    fc.property(writtenHistory(), (history) => {
      const builder = new SnapshotBuilder();
      for (const { objects, nowMs } of history) {
        expect(builder.build(objects, nowMs)).toStrictEqual(buildSnapshot(objects, nowMs));
      }
    }),
    { numRuns: 200 },
  );
});

test('what is equal to what stood there before is the very same value', options, () => {
  fc.assert(
    fc.property(writtenHistory(), (history) => {
      const builder = new SnapshotBuilder();
      let [former, ...others] = history.map(({ objects, nowMs }) => ({ ...builder.build(objects, nowMs) }));
      for (const next of others) {
        // Of a list of problems none has a place of its own: it is kept as a whole.
        if (JSON.stringify(former?.problems) === JSON.stringify(next.problems))
          expect(next.problems).toBe(former?.problems);
        expect(copied({ ...former, problems: [] }, { ...next, problems: [] })).toEqual([]);
        former = next;
      }
    }),
    { numRuns: 200 },
  );
});

/** The standard mesh: 125 tenants of 8 services and 80 pods each. */
function standard() {
  const source = new MeshObjects(standardMesh(1));
  const built: string[] = [];
  const builder = new SnapshotBuilder({ built: (part, namespace) => built.push(`${part} ${namespace}`) });
  builder.build(source.all());
  return {
    source,
    /** What the next look builds again. */
    look(): string[] {
      built.length = 0;
      builder.build(source.all());
      return [...built];
    },
  };
}

test('of 125 tenants a change builds again what reads it, and nothing of the others', options, () => {
  const { change } = standardMesh(1);
  const { source, look } = standard();
  expect(look()).toEqual([]);
  source.apply(change('endpoint', 24, firstMark));
  const endpoint = 'serviceAccounts claims workloads services grantDrafts ownAddresses contestedAddresses';
  expect(look()).toEqual(endpoint.split(' ').map((part) => `${part} tenant-3`));
  source.apply(change('policy', 5, firstMark));
  expect(look()).toEqual(['policies tenant-5']);
  source.apply(change('no-op', 7, firstMark));
  expect(look()).toEqual([
    'grantDrafts tenant-7',
    'contestedAddresses tenant-5',
    'grants tenant-7',
    'volumeGrants tenant-7',
  ]);
  source.apply(change('mesh-policy', 0, firstMark));
  expect(new Set(look()).size).toBe(125);
});

test('a clock that goes on builds nothing until something ends, and then only the grants of one namespace', () => {
  const files = [...platform('a', 'b'), grantUntil('2027-01-01T00:00:00Z')];
  const built: string[] = [];
  const builder = new SnapshotBuilder({ built: (part, namespace) => built.push(`${part} ${namespace}`) });
  const endMs = Date.parse('2027-01-01T00:00:00Z');
  const before = builder.build(files, endMs - 2);
  built.length = 0;
  expect(builder.build(files, endMs - 1)).toBe(before);
  expect(built).toEqual([]);
  const after = builder.build(files, endMs);
  expect(built).toEqual(['grantDrafts b', 'grants b', 'volumeGrants b']);
  expect([before.grants.size, after.grants.size]).toEqual([1, 0]);
  expect(after.revision).not.toBe(before.revision);
  expect(after.services).toBe(before.services);
});

test('a policy that flips between valid and broken denies in every other look, and moves no other noun', () => {
  const builder = new SnapshotBuilder();
  const valid = one(policy('a', 'flips', 'allow: [{from: {tenants: [a]}}]'));
  const broken = one(policy('a', 'flips', 'alow: [{from: {tenants: [a]}}]'));
  const first = builder.build([...platform('a'), valid]);
  for (const [turn, object] of [broken, valid, broken, valid].entries()) {
    const next = builder.build([...platform('a'), object]);
    expect(next.policies.get('a/flips')?.broken).toBe(turn % 2 === 0);
    expect({ ...next, revision: '', policies: '', problems: '' }).toStrictEqual({
      ...first,
      ...{ revision: '', policies: '', problems: '' },
    });
    expect(next.workloads).toBe(first.workloads);
  }
});

test(
  'ten thousand objects of one namespace are the same as one by one, and a change among them keeps the rest',
  options,
  () => {
    const pods = Array.from({ length: 10_000 }, (_, index) => `p${index}`);
    const [first, ...others] = [...platform('a'), one(pod('a', 'p', '10.9.9.9'))];
    const sample = others.at(-1);
    if (first === undefined || sample === undefined || !isOfKind(sample, 'Pod')) throw new Error('no pod');
    const like = (name: string, ip: string) =>
      validObject(
        { ...sample, ref: { ...sample.ref, name } },
        { ...sample.object, metadata: { ...sample.object.metadata, name }, status: { podIPs: [{ ip }] } },
      );
    const many = pods.map((name, index) => like(name, `10.1.${index >> 8}.${index & 255}`));
    const builder = new SnapshotBuilder();
    const before = builder.build([first, ...others, ...many]);
    const after = builder.build([first, ...others, ...many.with(5_000, like('p5000', '10.2.0.1'))]);
    expect(after).toStrictEqual(buildSnapshot([first, ...others, ...many.with(5_000, like('p5000', '10.2.0.1'))]));
    const moved = [...after.workloads].filter(([key, workload]) => before.workloads.get(key) !== workload);
    expect(moved.map(([key]) => key)).toEqual(['a/p5000']);
  },
);

/** A mesh of these tenants, each with a service `s` and a pod behind it. */
function platform(...names: readonly string[]): readonly SourcedObject[] {
  const texts = names.flatMap((name, index) => [
    tenant(name),
    service(name, 's', `10.5.0.${index + 1}`, { app: 's' }),
    pod(name, 's', `10.6.0.${index + 1}`),
  ]);
  return [mesh(), ...texts].map(one);
}

function grantUntil(end: string): SourcedObject {
  return one(grant('b', 'g', 'a', 's', '', `notAfter: "${end}"`));
}

function one(text: string): SourcedObject {
  const [object] = parseDocument(text, 'mesh.yaml').objects;
  if (object === undefined) throw new Error(`no object: ${text}`);
  return object;
}

/** Paths at which the next value is equal to the former and not the very same. */
function copied(former: unknown, next: unknown): string[] {
  const found: string[] = [];
  const isEqual = (left: unknown, right: unknown, path: string): boolean => {
    if (Object.is(left, right)) return true;
    if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
    const [before, after] = [entriesOf(left), entriesOf(right)];
    const parts = [...after].map(
      ([key, value]) => before.has(key) && isEqual(before.get(key), value, `${path}.${key}`),
    );
    const isSame =
      parts.every(Boolean) && before.size === after.size && [...before.keys()].join() === [...after.keys()].join();
    if (isSame && path.includes('.')) found.push(path);
    return isSame;
  };
  isEqual(former, next, 'snapshot');
  return found.filter((path) => path !== 'snapshot.problems');
}

function entriesOf(value: object): ReadonlyMap<unknown, unknown> {
  if (value instanceof Map || value instanceof JoinedMap) return value;
  return value instanceof Set ? new Map([...value].map((each) => [each, each])) : new Map(Object.entries(value));
}
