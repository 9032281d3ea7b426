import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { type CheckAnswer, type Checker, type CheckPeer, createChecker } from '../../src/authz/checker.ts';
import type { Asker, Decision } from '../../src/authz/judge.ts';
import { type CheckLimits, defaultCheckLimits, verdictWaitMaxMs } from '../../src/authz/limits.ts';
import { cart, checkRequest } from './support/check-request.ts';
import { RecordingObserver } from './support/recording-observer.ts';

const asker: CheckPeer = { address: 'p', spiffeUris: ['spiffe://mesh.example/ns/shop/sa/items'] };
const allow: Decision = { kind: 'allow', rule: 'cart reads', revision: 'r1' };

test('an allow is answered and recorded', () => {
  const { check, records } = checkerWith(() => allow);
  expect(verdictOf(check(checkRequest(), asker))).toBe('OK');
  expect(records).toEqual([
    {
      id: 'f3a1',
      timeMs: 1_700_000_000_000,
      durationUs: 5,
      request: { principal: cart, destination: '10.0.0.7:8080', host: 'shop.example', method: 'GET', path: '/items' },
      verdict: 'allow',
      rule: 'cart reads',
      revision: 'r1',
    },
  ]);
});

test('a deny tells its reason to the record, and to the caller only what the judge gave for him', () => {
  const { check, records } = checkerWith(() => ({ kind: 'deny', reason: 'tenant-wall', revision: 'r1' }));
  const answer = check(checkRequest(), asker);
  expect(verdictOf(answer)).toBe('403 {"decision":"f3a1"}\n');
  expect(records).toMatchObject([{ verdict: 'deny', reason: 'tenant-wall', revision: 'r1' }]);

  const open = checkerWith(() => ({ kind: 'deny', reason: 'no-rule', revision: 'r1', publicText: 'ask shop' }));
  expect(verdictOf(open.check(checkRequest(), asker))).toBe('403 {"decision":"f3a1","reason":"ask shop"}\n');
});

test.for<[string, () => unknown]>([
  ['says so', () => ({ kind: 'unavailable', why: 'policy is too old' })],
  [
    'throws',
    () => {
      throw new Error('index out of range');
    },
  ],
  ['gives nothing', () => undefined],
  ['gives a verdict of its own', () => ({ ...allow, kind: 'ALLOW' })],
])('a judge that %s makes the check unavailable, and never an allow', ([, judge]) => {
  const { check, records } = checkerWith(judge as () => Decision);
  expect(check(checkRequest(), asker).kind).toBe('unavailable');
  expect(records).toMatchObject([{ verdict: 'unavailable', id: 'f3a1' }]);
});

test.each<[string, () => Promise<Decision>, string]>([
  ['is right in time', () => Promise.resolve(allow), 'OK'],
  ['fails', () => Promise.reject(new Error('no keys')), 'no verdict can be given'],
  ['gives nothing', () => Promise.resolve(undefined as unknown as Decision), 'no verdict can be given'],
])('a judge that has to wait and then %s is answered by what it said', async (_, judge, want) => {
  const { later, records } = checkerWith(judge);
  expect(verdictOf(await later(checkRequest(), asker))).toBe(want);
  expect(records).toHaveLength(1);
});

test('a judge that is not done in time has given no verdict, whatever it says later', async () => {
  let say: (decision: Decision) => void = () => undefined;
  const { later, records, timers } = checkerWith(() => new Promise((resolve) => (say = resolve)));
  const answer = later(checkRequest(), asker);
  expect(timers.map(({ afterMs }) => afterMs)).toEqual([verdictWaitMaxMs]);
  timers[0]?.then();
  expect((await answer).kind).toBe('unavailable');
  say(allow);
  await Promise.resolve();
  expect(records).toMatchObject([{ verdict: 'unavailable' }]);
});

test('why there is no verdict goes to the record, and the asker cannot tell one cause from another', () => {
  const { check, records } = checkerWith(() => ({ kind: 'unavailable', why: 'there is no workload `shop/items-1`' }));
  expect(check(checkRequest(), asker)).toEqual({ kind: 'unavailable', why: 'no verdict can be given' });
  expect(records).toMatchObject([{ why: 'there is no workload `shop/items-1`' }]);
});

test('the judge is told who asks, apart from whom it is asked about', () => {
  const askers: Asker[] = [];
  const { check } = checkerWith((by) => {
    askers.push(by);
    return allow;
  });
  check(checkRequest(), asker);
  expect(askers).toEqual([asker]);
});

test('SEC-56 what cannot be decoded is denied without asking the judge, and recorded apart', () => {
  const { check, records, asked } = checkerWith(() => allow);
  expect(verdictOf(check(Buffer.from([0xff]), asker))).toBe('403 {"decision":"unknown"}\n');
  expect(verdictOf(check(checkRequest({ path: '' }), asker))).toBe('403 {"decision":"f3a1"}\n');
  expect(verdictOf(check(Buffer.alloc(defaultCheckLimits.messageBytesMax + 1), asker))).toMatch(/^403/);
  expect(records).toMatchObject([
    { verdict: 'undecodable', why: 'malformed', id: 'unknown' },
    { verdict: 'undecodable', why: 'bad-path', id: 'f3a1' },
    { verdict: 'undecodable', why: 'oversized', id: 'unknown' },
  ]);
  expect(asked()).toBe(0);
});

test('SEC-56 random bytes are never allowed, whatever the judge would say', () => {
  const limits = { ...defaultCheckLimits, checksBurstMax: 10_000 };
  const { check } = checkerWith(() => allow, limits);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
      expect(verdictOf(check(Buffer.from(message), asker))).toMatch(/^403/);
    }),
    { numRuns: 2_000 },
  );
});

test('a record holds no header, no query and no more path than its bound', () => {
  const { check, records } = checkerWith(() => allow);
  const path = `/${'p'.repeat(300)}`;
  check(checkRequest({ path: `${path}?token=secret`, headers: [['authorization', 'Bearer secret']] }), asker);
  expect(JSON.stringify(records)).not.toMatch(/secret|authorization/);
  expect(records).toMatchObject([{ request: { path: path.slice(0, 256) } }]);
});

test('a connection beyond its budget is shed unread, and the others are not', () => {
  const limits = { ...defaultCheckLimits, checksBurstMax: 2, checksPerSecondMax: 1_000 };
  const { check, records, shedPeers, passMs } = checkerWith(() => allow, limits);
  const ask = (peer: string) => check(checkRequest(), { ...asker, address: peer }).kind;

  expect([ask('loud'), ask('loud'), ask('loud'), ask('loud')]).toEqual([
    'response',
    'response',
    'unavailable',
    'unavailable',
  ]);
  expect(ask('quiet')).toBe('response');
  expect(shedPeers).toEqual(['loud', 'loud']);
  expect(records).toHaveLength(3);

  passMs(1); // 1,000 a second is one a millisecond
  expect([ask('loud'), ask('loud')]).toEqual(['response', 'unavailable']);
  passMs(60_000); // and silence saves up no more than a burst
  expect([ask('loud'), ask('loud'), ask('loud')]).toEqual(['response', 'response', 'unavailable']);
});

/** A clock that stands still but for 5 µs between a check's begin and its record. */
function checkerWith(judge: (asker: Asker) => Decision | Promise<Decision>, limits: CheckLimits = defaultCheckLimits) {
  const observer = new RecordingObserver();
  let judged = 0;
  let passedMs = 0;
  let readings = 0;
  const timers: { readonly afterMs: number; readonly then: () => void }[] = [];
  const checker: Checker = createChecker({
    judge: {
      judge(_request, by) {
        judged += 1;
        return judge(by);
      },
    },
    observer,
    limits,
    clock: {
      nowMs: () => 1_700_000_000_000 + passedMs,
      monotonicUs: () => passedMs * 1_000 + (readings++ % 2) * 5,
      setTimer(afterMs, then) {
        timers.push({ afterMs, then });
        return () => undefined;
      },
    },
  });
  const passMs = (ms: number): void => {
    passedMs += ms;
    readings = 0;
  };
  const check = (message: Buffer, peer: CheckPeer): CheckAnswer => {
    const answer = checker(message, peer);
    return answer instanceof Promise ? expect.fail('the answer is not there at once') : answer;
  };
  const later = async (message: Buffer, peer: CheckPeer) => await checker(message, peer);
  return {
    check,
    later,
    timers,
    records: observer.records,
    shedPeers: observer.shedPeers,
    asked: () => judged,
    passMs,
  };
}

function verdictOf(answer: CheckAnswer): string {
  if (answer.kind === 'unavailable') return answer.why;
  const { status, httpResponse } = fromBinary(CheckResponseSchema, answer.bytes);
  if (status?.code === 0) return 'OK';
  return httpResponse.case === 'deniedResponse'
    ? `${httpResponse.value.status?.code} ${httpResponse.value.body}`
    : `code ${status?.code}`;
}
