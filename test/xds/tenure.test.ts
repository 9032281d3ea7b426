/** How long a client keeps its stream, on a clock that moves when told to: XDS-09. */
import { describe, expect, test } from 'vitest';
import { recheckMs, streamAge } from '../../src/xds/limits.ts';
import type { Admission } from '../../src/xds/ports.ts';
import { Tenure } from '../../src/xds/tenure.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { startLoopbackAds } from './loopback-ads.ts';
import { snapshotOf } from './resources.ts';
import { TestClock } from './test-clock.ts';

function tenureOf(key: string, { expiresInMs }: { readonly expiresInMs?: number } = {}) {
  const clock = new TestClock();
  const [ends, failures]: [string[], string[]] = [[], []];
  let [judged, answer]: [number, () => Promise<Admission>] = [0, async () => ({ kind: 'client', key })];
  const tenure = new Tenure({
    clock,
    key,
    judge() {
      judged += 1;
      return answer();
    },
    end: (status, reason) => ends.push(`${status}: ${reason}`),
    recheckFailed: (reason) => failures.push(reason),
  });
  tenure.begin(expiresInMs === undefined ? undefined : clock.nowMs() + expiresInMs);
  return {
    clock,
    ends,
    failures,
    tenure,
    judged: () => judged,
    answer(next: () => Promise<Admission>) {
      answer = next;
    },
    /** Lets time pass in steps of a recheck, and each judgement come. */
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= recheckMs) {
        clock.advance(Math.min(left, recheckMs));
        await new Promise(setImmediate);
      }
    },
  };
}

describe('a client that is judged again', () => {
  test('loses its stream within a minute of being refused, with the status of the refusal', async () => {
    const { ends, answer, pass, clock } = tenureOf('a/x');
    await pass(5 * recheckMs);
    expect(ends).toEqual([]);
    answer(async () => ({ kind: 'refused', status: 'PERMISSION_DENIED', reason: 'no such workload' }));
    await pass(60_000);
    expect(ends).toEqual(['PERMISSION_DENIED: no such workload']);
    expect(clock.armed).toBe(0);
  });

  test('loses it when it is another client now', async () => {
    const { ends, answer, pass } = tenureOf('a/x');
    answer(async () => ({ kind: 'client', key: 'a/y' }));
    await pass(recheckMs);
    expect(ends).toEqual(['UNAUTHENTICATED: client is `a/y` now']);
  });

  test('keeps it when the judge cannot say, and is judged again', async () => {
    const { ends, failures, answer, pass, judged } = tenureOf('a/x');
    answer(() => Promise.reject(new Error('the judge is ill')));
    await pass(2 * recheckMs);
    expect([ends, failures]).toEqual([[], ['Error: the judge is ill', 'Error: the judge is ill']]);
    expect(judged()).toBe(2);
  });

  test('is not asked about twice at once', async () => {
    const { answer, pass, judged } = tenureOf('a/x');
    answer(() => new Promise(() => undefined));
    await pass(10 * recheckMs);
    expect(judged()).toBe(1);
  });

  test('of whom there is news is judged at once', async () => {
    const { ends, answer, tenure } = tenureOf('a/x');
    answer(async () => ({ kind: 'refused', status: 'UNAUTHENTICATED', reason: 'its pod was deleted' }));
    tenure.judgeAgain();
    await new Promise(setImmediate);
    expect(ends).toEqual(['UNAUTHENTICATED: its pod was deleted']);
    tenure.judgeAgain();
    await new Promise(setImmediate);
    expect(ends).toHaveLength(1);
  });

  test('is judged once more where the news came while the judge was asked', async () => {
    const { ends, answer, tenure, judged } = tenureOf('a/x');
    let ofBefore: (admission: Admission) => void = () => undefined;
    answer(() => new Promise((resolve) => (ofBefore = resolve)));
    tenure.judgeAgain();
    tenure.judgeAgain();
    tenure.judgeAgain();
    expect(judged()).toBe(1);
    answer(async () => ({ kind: 'refused', status: 'PERMISSION_DENIED', reason: 'gone' }));
    ofBefore({ kind: 'client', key: 'a/x' });
    await new Promise(setImmediate);
    expect([judged(), ends]).toEqual([2, ['PERMISSION_DENIED: gone']]);
  });

  test('is not ended by a judgement that comes after its end', async () => {
    const { answer, ends, clock, tenure } = tenureOf('a/x');
    let refuse: (admission: Admission) => void = () => undefined;
    answer(() => new Promise((resolve) => (refuse = resolve)));
    clock.advance(recheckMs);
    tenure.stop();
    refuse({ kind: 'refused', status: 'UNAUTHENTICATED', reason: 'late' });
    await new Promise(setImmediate);
    expect(ends).toEqual([]);
  });
});

test('credentials that expire end the stream to the millisecond, and renewed ones later', async () => {
  const { clock, ends, answer, pass } = tenureOf('a/x', { expiresInMs: 2 * recheckMs });
  const renewedMs = clock.nowMs() + 4 * recheckMs;
  answer(async () => ({ kind: 'client', key: 'a/x', expiresAtMs: renewedMs }));
  await pass(4 * recheckMs - 1);
  expect(ends).toEqual([]);
  clock.advance(1);
  expect(ends).toEqual(['UNAUTHENTICATED: credentials expired']);
});

test('credentials that have expired end it at once', () => {
  expect(tenureOf('a/x', { expiresInMs: 0 }).ends).toEqual(['UNAUTHENTICATED: credentials expired']);
});

test('a stream ends when it is old, at an age that its key decides', () => {
  const ageOf = (key: string) => {
    const { clock, ends } = tenureOf(key);
    const start = clock.nowMs();
    while (ends.length === 0) clock.advance(1_000);
    expect(ends).toEqual(['UNAVAILABLE: stream is old']);
    return clock.nowMs() - start;
  };
  const ages = Array.from({ length: 20 }, (_, index) => ageOf(`a/x-${index}`));
  expect(ages).toEqual(Array.from({ length: 20 }, (_, index) => ageOf(`a/x-${index}`)));
  expect(new Set(ages).size).toBeGreaterThan(15);
  expect(Math.max(...ages)).toBeLessThanOrEqual(streamAge.maxMs);
  expect(Math.min(...ages)).toBeGreaterThanOrEqual(streamAge.maxMs * (1 - streamAge.jitter));
});

test('news of a client reaches its streams, and nobody else’s', async () => {
  const ads = await startLoopbackAds();
  for (const key of ['a', 'b']) ads.cache.set(key, snapshotOf({ listener: { l: '1' } }));
  const [ofA, ofB] = [ads.delta(), ads.delta()];
  for (const [id, stream] of Object.entries({ a: ofA, b: ofB })) {
    stream.send({ node: { id }, typeUrl: typeUrls.listener });
    await stream.next();
  }
  const asked: string[] = [];
  ads.judge(async ({ node }) => {
    asked.push(node.id);
    return { kind: 'refused', status: 'UNAVAILABLE', reason: 'nobody can say' };
  });
  ads.service.judgeAgain(new Set(['a', 'nobody']));
  expect((await ofA.status).code).toBe(14);
  expect(asked).toEqual(['a']);
});

test('XDS-09 a client that is no good any more reads that it is not admitted, and nothing of why', async () => {
  const ads = await startLoopbackAds();
  ads.cache.set('a', snapshotOf({ listener: { l: '1' } }));
  const stream = ads.delta();
  stream.send({ node: { id: 'a' }, typeUrl: typeUrls.listener });
  await stream.next();
  ads.judge(async () => ({ kind: 'refused', status: 'PERMISSION_DENIED', reason: 'its pod was deleted' }));
  ads.clock.advance(recheckMs);
  expect((await stream.status).details).toBe('not admitted');
  expect(ads.events).toContainEqual(
    expect.objectContaining({ kind: 'stream-closed', key: 'a', reason: 'its pod was deleted' }),
  );
  expect(ads.clock.armed).toBe(0);
});
