/** A crowd before the door: who waits, who passes, and who notices nothing. */
import { status as grpcStatus } from '@grpc/grpc-js';
import { beforeEach, describe, expect, test } from 'vitest';
import { admissionLineMs, admissionSlotMs, admissionsAtOnceMax } from '../../src/xds/limits.ts';
import { listingVersion } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { type LoopbackAds, startLoopbackAds } from './loopback-ads.ts';
import { snapshotOf } from './resources.ts';

const { cluster: typeUrl } = typeUrls;
const snapshot = snapshotOf({ cluster: { x: '1' } });

let ads: LoopbackAds;
beforeEach(async () => {
  ads = await startLoopbackAds();
});

function arrive(key: string) {
  ads.cache.set(key, ads.cache.get(key) ?? snapshot);
  const stream = ads.delta();
  stream.send({ node: { id: key }, typeUrl });
  return stream;
}

/** As many clients as get in at once, each of which has its configuration and says nothing. */
async function crowd() {
  const streams = Array.from({ length: admissionsAtOnceMax }, (_, index) => arrive(`crowd-${index}`));
  const responses = await Promise.all(streams.map((stream) => stream.next()));
  expect(ads.service.admissions()).toEqual({ inside: admissionsAtOnceMax, waiting: 0 });
  return streams.map((stream, index) => ({ stream, nonce: responses[index]?.nonce ?? '' }));
}

const waiting = (count: number) => expect.poll(() => ads.service.admissions().waiting, { interval: 1 }).toBe(count);

test('a client behind the crowd is served when one of the crowd has answered for its configuration', async () => {
  const [first] = await crowd();
  const late = arrive('late');
  await waiting(1);
  expect(ads.countOf('pushed', 'late')).toBe(0);
  first?.stream.send({ typeUrl, responseNonce: first.nonce });
  expect((await late.next()).resources).toHaveLength(1);
  expect(ads.service.admissions()).toEqual({ inside: admissionsAtOnceMax, waiting: 0 });
});

test('who is slow to answer does not keep the others waiting for long', async () => {
  await crowd();
  const late = arrive('late');
  await waiting(1);
  ads.clock.advance(admissionSlotMs);
  await late.next();
});

test('who leaves gives up its place, in the crowd and in the line', async () => {
  const [first] = await crowd();
  const [gone, late] = [arrive('gone'), arrive('late')];
  await waiting(2);
  gone.close();
  await waiting(1);
  first?.stream.close();
  await late.next();
  expect(ads.countOf('pushed', 'gone')).toBe(0);
});

test('who waits too long is sent away to try again', async () => {
  await crowd();
  const late = arrive('late');
  await waiting(1);
  ads.clock.advance(admissionLineMs);
  expect(await late.status).toMatchObject({ code: grpcStatus.UNAVAILABLE, details: 'too many clients at once' });
});

test('open streams get their changes while the door is full', async () => {
  const early = arrive('early');
  const { nonce } = await early.next();
  early.send({ typeUrl, responseNonce: nonce });
  await expect.poll(() => ads.service.admissions().inside, { interval: 1 }).toBe(0);
  await crowd();
  arrive('late');
  await waiting(1);
  ads.cache.set('early', snapshotOf({ cluster: { x: '2' } }));
  expect((await early.next()).resources).toHaveLength(1);
});

describe('a client that comes back', () => {
  const known = snapshot.types.get(typeUrl) ?? new Map();
  const versions = Object.fromEntries([...known.values()].map(({ name, version }) => [name, version]));

  test('with the versions of today passes the crowd, and is told of the next change only', async () => {
    await crowd();
    ads.cache.set('back', snapshot);
    const back = ads.delta();
    back.send({ node: { id: 'back' }, typeUrl, initialResourceVersions: versions });
    await expect.poll(() => ads.countOf('stream-opened', 'back'), { interval: 1 }).toBe(1);
    expect(ads.countOf('pushed', 'back')).toBe(0);
    ads.cache.set('back', snapshotOf({ cluster: { x: '2' } }));
    await back.next();
  });

  test('with the version of today passes in SotW as well', async () => {
    await crowd();
    ads.cache.set('back', snapshot);
    const back = ads.sotw();
    back.send({ node: { id: 'back' }, typeUrl, versionInfo: listingVersion(known) });
    await expect.poll(() => ads.countOf('stream-opened', 'back'), { interval: 1 }).toBe(1);
    expect(ads.countOf('pushed', 'back')).toBe(0);
  });

  test.each([
    ['a version of yesterday', { x: 'old' }],
    ['something that is gone', { ...versions, gone: '1' }],
  ])('with %s stands in line', async (_, initialResourceVersions) => {
    await crowd();
    ads.cache.set('back', snapshot);
    const back = ads.delta();
    back.send({ node: { id: 'back' }, typeUrl, initialResourceVersions });
    await waiting(1);
    expect(ads.countOf('stream-opened', 'back')).toBe(0);
  });
});
