/** A change visits the streams of its client and no others. */
import { expect, test } from 'vitest';
import { SnapshotCache } from '../../src/xds/cache.ts';
import { snapshotOf } from './resources.ts';

function listen(cache: SnapshotCache, key: string) {
  const heard: string[] = [];
  const stop = cache.subscribe(key, {
    takesTtl: () => true,
    replaced: ({ revision }) => heard.push(revision),
    vanished: () => heard.push('vanished'),
  });
  return { heard, stop };
}

test('a snapshot is told to the streams of its client only', () => {
  const cache = new SnapshotCache();
  const [a, alsoA, b] = [listen(cache, 'a'), listen(cache, 'a'), listen(cache, 'b')];
  cache.set('a', snapshotOf({}, 'r1'));
  expect([a.heard, alsoA.heard, b.heard]).toEqual([['r1'], ['r1'], []]);
});

test('the same snapshot is told once, and nothing to a stream that stopped listening', () => {
  const cache = new SnapshotCache();
  const a = listen(cache, 'a');
  const snapshot = snapshotOf({}, 'r1');
  cache.set('a', snapshot);
  cache.set('a', snapshot);
  a.stop();
  a.stop();
  cache.set('a', snapshotOf({}, 'r2'));
  expect(a.heard).toEqual(['r1']);
});

test('a deleted client is forgotten and its streams are told', () => {
  const cache = new SnapshotCache();
  const a = listen(cache, 'a');
  cache.set('a', snapshotOf({}, 'r1'));
  cache.delete('a');
  expect(a.heard).toEqual(['r1', 'vanished']);
  expect(cache.get('a')).toBeUndefined();
});
