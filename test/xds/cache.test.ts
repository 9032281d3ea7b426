/** A change visits the streams of its client and no others. */
import { describe, expect, test } from 'vitest';
import { SnapshotCache } from '../../src/xds/cache.ts';
import { type ResourceSnapshot, withTtl } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { contentOf, resource, snapshotOf } from './resources.ts';

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

describe('an overlay', () => {
  const laid = (name: string, content: string, ttlMs?: number) => {
    const plain = resource(typeUrls.runtime, name, content);
    return ttlMs === undefined ? plain : withTtl(plain, ttlMs);
  };
  const contents = (snapshot: ResourceSnapshot | undefined) =>
    Object.fromEntries(
      [...(snapshot?.types.get(typeUrls.runtime) ?? [])].map(([name, { any }]) => [name, contentOf(any)]),
    );
  const always = () => true;

  test('stands in for the resource of its name through every new snapshot, until it is lifted', () => {
    const cache = new SnapshotCache();
    cache.set('a', snapshotOf({ runtime: { drill: '', other: '' } }, 'r1'));
    const { heard } = listen(cache, 'a');
    cache.overlay('a', [laid('drill', 'fault')]);
    cache.set('a', snapshotOf({ runtime: { drill: '', other: 'new' } }, 'r2'));
    expect(contents(cache.get('a'))).toEqual({ drill: 'fault', other: 'new' });
    cache.overlay('a', undefined);
    expect(contents(cache.get('a'))).toEqual({ drill: '', other: 'new' });
    expect(heard).toEqual(['r1', 'r2', 'r2']);
  });

  test('replaces the one before it whole', () => {
    const cache = new SnapshotCache();
    cache.set('a', snapshotOf({ runtime: { drill: '', other: '' } }));
    cache.overlay('a', [laid('drill', 'fault')]);
    cache.overlay('a', [laid('other', 'fault')]);
    expect(contents(cache.get('a'))).toEqual({ drill: '', other: 'fault' });
  });

  test('adds no name and no type that the snapshot does not have', () => {
    const cache = new SnapshotCache();
    cache.set('a', snapshotOf({ runtime: { drill: '' } }));
    cache.overlay('a', [laid('unheard-of', 'fault'), resource(typeUrls.listener, 'l', 'fault')]);
    expect(contents(cache.get('a'))).toEqual({ drill: '' });
    expect(cache.get('a')?.types.has(typeUrls.listener)).toBe(false);
  });

  test('that has a TTL is shown only to a client that takes it', () => {
    const cache = new SnapshotCache();
    cache.set('a', snapshotOf({ runtime: { drill: '' } }));
    cache.overlay('a', [laid('drill', 'fault', 10_000)]);
    expect(contents(cache.get('a', always))).toEqual({ drill: 'fault' });
    expect(contents(cache.get('a', () => false))).toEqual({ drill: '' });
  });

  test('is gone with its client, and over a client without a snapshot nothing is laid', () => {
    const cache = new SnapshotCache();
    const snapshot = snapshotOf({ runtime: { drill: '' } });
    cache.overlay('a', [laid('drill', 'early')]);
    cache.set('a', snapshot);
    expect(cache.get('a')).toBe(snapshot);
    cache.overlay('a', [laid('drill', 'fault')]);
    cache.delete('a');
    cache.set('a', snapshot);
    expect(cache.get('a')).toBe(snapshot);
  });

  test('that is lifted where none lies tells nobody', () => {
    const cache = new SnapshotCache();
    cache.set('a', snapshotOf({ runtime: { drill: '' } }));
    const { heard } = listen(cache, 'a');
    cache.overlay('a', undefined);
    expect(heard).toEqual([]);
  });
});
