/** A list and watch under every fault: it ends where a fresh list would, and an error takes nothing away. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Failure } from '../../../src/kube/inform/failure.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

const cut: Failure = { kind: 'unanswered', text: 'the connection was cut' };
const refused: Failure = { kind: 'refused', text: 'the API server answered 403' };
const busy: Failure = { kind: 'unanswered', text: 'the API server answered 429', retryAfterMs: 5_000 };
const failures: readonly Failure[] = [
  cut,
  refused,
  busy,
  { kind: 'expired', text: 'the API server answered 410' },
  { kind: 'absent', text: 'the API server answered 404' },
  { kind: 'too-large', text: 'there are more than 9 bytes' },
];

/** A cluster of five objects, all held, and watched. */
function watched(): SimulatedCluster {
  const cluster = new SimulatedCluster();
  for (const key of ['a', 'b', 'c', 'd', 'e']) cluster.write(key);
  answerUntil(cluster, () => cluster.phase === 'watching');
  expect(cluster.held).toEqual(cluster.objects());
  return cluster;
}

/** @param answersMax more than any way back takes. */
function answerUntil(cluster: SimulatedCluster, isThere: () => boolean, answersMax = 200): void {
  for (let answers = 0; !isThere(); answers += 1) {
    if (answers > answersMax) throw new Error(`not there after ${answers} answers: ${cluster.requests.join(' ')}`);
    cluster.answer();
  }
}

function isEqual(cluster: SimulatedCluster): boolean {
  const objects = cluster.objects();
  return (
    cluster.held.size === objects.size && [...objects].every(([key, version]) => cluster.held.get(key) === version)
  );
}

test('objects are listed page by page, and then watched', () => {
  expect(watched().requests).toEqual(['list', 'list', 'list', 'watch']);
});

test('FLT-18: a watch that is cut resumes where it was, and tells what happened meanwhile', () => {
  const cluster = watched();
  cluster.fail(cut);
  cluster.write('f');
  cluster.delete('a');
  answerUntil(cluster, () => isEqual(cluster));
  expect(cluster.requests.slice(4)).toEqual(['cancel', 'probe', 'watch']);
});

test('FLT-18: a revision that is no longer known is listed anew, and a deletion that nobody told is seen', () => {
  const cluster = watched();
  cluster.fail(cut);
  cluster.delete('b');
  cluster.write('g');
  cluster.compact();
  cluster.write('h');
  answerUntil(cluster, () => isEqual(cluster));
  expect(cluster.requests.slice(4)).toEqual(['cancel', 'probe', 'watch', 'cancel', 'list', 'list', 'list', 'watch']);
});

test.each(failures)('FLT-17: nothing is taken for deleted after `$text`, however often', (failure) => {
  const cluster = watched();
  const before = new Map(cluster.held);
  for (let minutes = 0; minutes < 10; minutes += 1) {
    cluster.fail(failure);
    cluster.passTime(60_000);
    expect(cluster.held).toEqual(before);
  }
});

test('FLT-20: who fails waits longer each time, up to a bound, and asks again', () => {
  const cluster = watched();
  const waits: number[] = [];
  for (let times = 0; times < 12; times += 1) {
    cluster.fail(cut);
    const failedAtMs = cluster.nowMs;
    while (cluster.phase === 'waiting') cluster.passTime(50);
    waits.push(cluster.nowMs - failedAtMs);
  }
  expect(waits).toEqual([150, 300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 22_500, 22_500, 22_500, 22_500]);
});

test('FLT-20: an API server that names a time is left in peace until then', () => {
  const cluster = watched();
  cluster.fail(busy);
  cluster.passTime(4_999);
  expect(cluster.phase).toBe('waiting');
  cluster.passTime(1);
  expect(cluster.phase).toBe('probing');
});

test('a watch that ends as soon as it began is not opened in a hot loop', () => {
  const cluster = watched();
  for (let times = 0; times < 100; times += 1) {
    cluster.end();
    cluster.passTime(10);
    if (cluster.phase === 'probing') cluster.answer();
  }
  expect(cluster.requests.filter((kind) => kind === 'watch').length).toBeLessThan(6);
});

test('a watch that stood a while and is ended by the API server is no failure', () => {
  const cluster = watched();
  cluster.passTime(10_000);
  cluster.end();
  expect([cluster.phase, cluster.failures]).toEqual(['probing', 0]);
});

test('FLT-18: a watch by which nothing comes is given up, and one by which only bookmarks come is not', () => {
  const [silent, marked] = [watched(), watched()];
  for (const cluster of [silent, marked]) {
    for (let minutes = 0; minutes < 3; minutes += 1) {
      cluster.passTime(60_000);
      if (cluster === marked && cluster.phase === 'watching') cluster.answer();
    }
  }
  expect([silent.phase, marked.phase]).toEqual(['waiting', 'watching']);
});

test('FLT-18: events that come twice change nothing, and are no failure', () => {
  const cluster = watched();
  cluster.write('a');
  cluster.delete('b');
  cluster.answer();
  cluster.answer();
  for (const index of [0, 1, 1, 0]) cluster.repeat(index);
  expect([cluster.phase, isEqual(cluster)]).toEqual(['watching', true]);
});

test('FLT-18: events out of order end the watch, and everything is listed again', () => {
  const cluster = watched();
  cluster.write('f');
  cluster.write('g');
  cluster.swap();
  expect(cluster.phase).toBe('waiting');
  answerUntil(cluster, () => cluster.phase === 'watching');
  expect(isEqual(cluster)).toBe(true);
});

test('FLT-18: a relist that is suddenly empty is asked for once more', () => {
  const cluster = watched();
  cluster.fail({ kind: 'expired', text: 'the API server answered 410' });
  answerUntil(cluster, () => cluster.phase === 'listing');
  cluster.sayNothingIsThere();
  answerUntil(cluster, () => cluster.phase === 'watching');
  expect(isEqual(cluster)).toBe(true);
});

test('a cluster that is really empty is believed', () => {
  const cluster = watched();
  cluster.fail({ kind: 'expired', text: 'the API server answered 410' });
  for (const key of ['a', 'b', 'c', 'd', 'e']) cluster.delete(key);
  answerUntil(cluster, () => cluster.phase === 'watching');
  expect(cluster.held.size).toBe(0);
});

test('a cluster whose etcd was restored is noticed although it refuses no watch', () => {
  const cluster = watched();
  for (const key of ['f', 'g', 'h']) cluster.write(key);
  cluster.delete('a');
  answerUntil(cluster, () => isEqual(cluster));
  cluster.restore(3);
  answerUntil(cluster, () => isEqual(cluster));
  expect([...cluster.held.keys()]).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  // The list that is older than what was known was asked for twice, in three pages each time.
  expect(cluster.requests.slice(-9)).toEqual([
    'cancel',
    'probe',
    'list',
    'list',
    'list',
    'list',
    'list',
    'list',
    'watch',
  ]);
});

test('a cluster that can be listed but not watched is polled', () => {
  const cluster = watched();
  cluster.write('f');
  for (let times = 0; times < 20 && !isEqual(cluster); times += 1) {
    cluster.fail(refused);
    answerUntil(cluster, () => cluster.phase === 'watching');
  }
  expect(isEqual(cluster)).toBe(true);
  expect(cluster.failures).toBeLessThanOrEqual(5);
});

type Happening = (cluster: SimulatedCluster) => void;

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: key.map((name) => (cluster: SimulatedCluster) => cluster.write(name)) },
  { weight: 4, arbitrary: key.map((name) => (cluster: SimulatedCluster) => cluster.delete(name)) },
  { weight: 12, arbitrary: fc.constant((cluster: SimulatedCluster) => cluster.answer()) },
  fc.constantFrom(...failures).map((failure) => (cluster: SimulatedCluster) => cluster.fail(failure)),
  fc.constant((cluster: SimulatedCluster) => cluster.end()),
  fc.constant((cluster: SimulatedCluster) => cluster.compact()),
  fc.constant((cluster: SimulatedCluster) => cluster.swap()),
  fc.constant((cluster: SimulatedCluster) => cluster.sayNothingIsThere()),
  fc.integer({ min: 1, max: 9 }).map((steps) => (cluster: SimulatedCluster) => cluster.answerFromThePast(steps)),
  fc.nat(3).map((index) => (cluster: SimulatedCluster) => cluster.repeat(index)),
  fc.constantFrom(100, 10_000, 200_000).map((byMs) => (cluster: SimulatedCluster) => cluster.passTime(byMs)),
);

/** Answers that surely bring a list, and all events after it; of waits there is one at most. */
function settle(cluster: SimulatedCluster): void {
  for (let answers = 0; answers < 200; answers += 1) cluster.answer();
}

test('whatever happened, once faults end it holds what a fresh list would say', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
      const cluster = new SimulatedCluster();
      for (const happen of happenings) happen(cluster);
      settle(cluster);
      expect(cluster.held).toEqual(cluster.objects());
    }),
    { numRuns: 500 },
  );
});

test('whatever happened, also to its history, it holds what a fresh list would say after the next relist', () => {
  const restored = fc
    .integer({ min: 1, max: 12 })
    .map((steps) => (cluster: SimulatedCluster) => cluster.restore(steps));
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 12, arbitrary: happening }, restored), { maxLength: 80 }), (happenings) => {
      const cluster = new SimulatedCluster();
      for (const happen of happenings) happen(cluster);
      settle(cluster);
      cluster.passTime(720_000);
      settle(cluster);
      expect(cluster.held).toEqual(cluster.objects());
    }),
    { numRuns: 500 },
  );
});

test('an object is given up only because it was deleted', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
      const cluster = new SimulatedCluster();
      const deleted = new Set<string>();
      for (const happen of happenings) {
        const before = new Set([...cluster.held.keys()]);
        const there = new Set(cluster.objects().keys());
        happen(cluster);
        for (const name of there) if (!cluster.objects().has(name)) deleted.add(name);
        for (const name of before) if (!cluster.held.has(name)) expect(deleted).toContain(name);
      }
    }),
    { numRuns: 500 },
  );
});
