/** How often an API server is asked, and what holds while it does not answer; on a clock that moves when told to. */
import { expect, test } from 'vitest';
import {
  believedMs,
  graceMs,
  type ReviewEvent,
  reviewMaxMs,
  reviewsPerAddressMax,
  TokenReviews,
} from '../../../src/kube/attest/token-reviews.ts';
import type { Outcome } from '../../../src/kube/objects.ts';
import { TestClock } from '../../xds/test-clock.ts';

const audience = 'coffre';
const here = '10.0.0.7:40000';

function bound(uid: string): Outcome {
  const extra = {
    'authentication.kubernetes.io/pod-name': ['web-0'],
    'authentication.kubernetes.io/pod-uid': [uid],
  };
  const user = { username: 'system:serviceaccount:shop:web', extra };
  return {
    kind: 'done',
    object: { metadata: { name: '' }, status: { authenticated: true, audiences: [audience], user } },
  };
}

const nobodys: Outcome = { kind: 'done', object: { metadata: { name: '' }, status: { authenticated: false } } };
const away: Outcome = { kind: 'unanswered', message: 'no answer' };

function reviewsOf() {
  const clock = new TestClock();
  const asked: string[] = [];
  const events: ReviewEvent[] = [];
  let answer: (token: string) => Promise<Outcome> = async (token) => bound(token);
  const reviews = new TokenReviews({
    audience,
    nowMs: () => clock.nowMs(),
    setTimer: (ms, then) => clock.setTimer(ms, then),
    review(token) {
      asked.push(token);
      return answer(token);
    },
    observe: (event) => events.push(event),
  });
  return {
    ...{ clock, asked, events },
    of: (token: string, { newsMs = 0, address = here } = {}) => reviews.of(token, newsMs, address),
    answer(next: typeof answer) {
      answer = next;
    },
  };
}

test('a token is asked about once, by however many streams, and again when its answer is old', async () => {
  const { of, asked, clock } = reviewsOf();
  await Promise.all([of('a'), of('a'), of('a')]);
  expect(await of('a')).toMatchObject({ kind: 'bound', token: { pod: { uid: 'a' } } });
  expect(asked).toEqual(['a']);
  clock.advance(believedMs);
  await of('a');
  expect(asked).toEqual(['a', 'a']);
});

test('tokens that were asked about together are not asked about again together', async () => {
  const { of, asked, clock } = reviewsOf();
  const tokens = Array.from({ length: 200 }, (_, index) => `t-${index}`);
  for (const token of tokens) await of(token);
  clock.advance(believedMs / 2 - 1);
  for (const token of tokens) await of(token);
  expect(asked).toHaveLength(200);
  clock.advance(believedMs / 4);
  for (const token of tokens) await of(token);
  expect(asked.length).toBeGreaterThan(250);
  expect(asked.length).toBeLessThan(350);
});

test('what was answered before its pod changed is asked again at once', async () => {
  const { of, asked, clock } = reviewsOf();
  await of('a');
  clock.advance(1_000);
  await of('a', { newsMs: clock.nowMs() });
  expect(asked).toHaveLength(2);
});

test('a refusal is repeated for some seconds and asked for anew after them', async () => {
  const { of, asked, clock, answer } = reviewsOf();
  answer(async () => nobodys);
  expect(await of('a')).toMatchObject({ kind: 'refused' });
  expect(await of('a')).toMatchObject({ kind: 'refused' });
  expect(asked).toHaveLength(1);
  answer(async (token) => bound(token));
  clock.advance(5_000);
  expect(await of('a')).toMatchObject({ kind: 'bound' });
});

test('a revoked token is refused as soon as the API server says so, whatever it said before', async () => {
  const { of, clock, answer } = reviewsOf();
  await of('a');
  answer(async () => nobodys);
  clock.advance(believedMs);
  expect(await of('a')).toMatchObject({ kind: 'refused' });
  answer(async () => away);
  clock.advance(5_000);
  expect(await of('a')).toEqual({ kind: 'unanswered' });
});

test('while nobody answers, what was good is good until the grace ends, and nobody new is', async () => {
  const { of, clock, answer, events } = reviewsOf();
  await of('a');
  answer(async () => away);
  for (let passedMs = 0; passedMs + 60_000 < graceMs; passedMs += 60_000) {
    clock.advance(60_000);
    expect(await of('a'), `after ${passedMs} ms`).toMatchObject({ kind: 'bound' });
    expect(await of('b')).toEqual({ kind: 'unanswered' });
  }
  clock.advance(60_000);
  expect(await of('a')).toEqual({ kind: 'unanswered' });
  expect(events.at(-1)).toEqual({ kind: 'unanswered', message: 'no answer' });
  answer(async (token) => bound(token));
  expect(await of('a')).toMatchObject({ kind: 'bound' });
  expect(events.at(-1)).toEqual({ kind: 'answered' });
});

test('a clock that was set back makes no answer last longer', async () => {
  const { of, asked, clock } = reviewsOf();
  await of('a');
  clock.advance(-10_000);
  await of('a');
  expect(asked).toHaveLength(2);
});

test('an API server that is silent is waited for so long and no longer, and its late answer counts', async () => {
  const { of, clock, answer } = reviewsOf();
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  answer(() => promise);
  const waiting = of('a');
  clock.advance(reviewMaxMs);
  expect(await waiting).toEqual({ kind: 'unanswered' });
  resolve(bound('a'));
  await new Promise(setImmediate);
  answer(async () => away);
  expect(await of('a')).toMatchObject({ kind: 'bound' });
  expect(clock.armed).toBe(0);
});

test.each([
  ['forbidden', { kind: 'refused', status: 403, message: 'may not' }],
  ['forbidden', { kind: 'refused', status: 401, message: 'who are you' }],
  ['unanswered', { kind: 'refused', status: 422, message: 'no review' }],
  ['unanswered', { kind: 'missing' }],
  ['unanswered', { kind: 'done', object: { metadata: { name: '' } } }],
] as const)('what is no answer is told as %s', async (kind, outcome) => {
  const { of, answer, events } = reviewsOf();
  answer(async () => outcome);
  expect(await of('a')).toEqual({ kind: 'unanswered' });
  expect(events).toEqual([{ kind, message: expect.any(String) }]);
});

test('SEC-38 whoever makes up tokens at one address keeps no other address waiting', async () => {
  const { of, asked, answer } = reviewsOf();
  const { promise, resolve } = Promise.withResolvers<void>();
  answer(async (token) => {
    await promise;
    return token.startsWith('made up') ? nobodys : bound(token);
  });
  const flood = Array.from({ length: 100 }, (_, index) =>
    of(`made up ${index}`, { address: `10.6.6.6:${20_000 + index}` }),
  );
  const honest = of('honest');
  expect(asked).toHaveLength(reviewsPerAddressMax + 1);
  resolve();
  expect(await honest).toMatchObject({ kind: 'bound' });
  const kinds = (await Promise.all(flood)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'refused')).toHaveLength(reviewsPerAddressMax);
  expect(kinds.filter((kind) => kind === 'unanswered')).toHaveLength(100 - reviewsPerAddressMax);
});

test('however many come at once, few are asked about at a time, and each is answered', async () => {
  const { of, answer } = reviewsOf();
  let [underWay, most] = [0, 0];
  answer(async (token) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise(setImmediate);
    underWay -= 1;
    return bound(token);
  });
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, index) => of(`t-${index}`, { address: `10.0.${index}.1:1` })),
  );
  expect(answers.every(({ kind }) => kind === 'bound')).toBe(true);
  expect(most).toBe(16);
});
