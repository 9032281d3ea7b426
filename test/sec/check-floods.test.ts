/**
 * SEC-56: giant checks and a flood of them, from one sidecar. The clock is the test's, so that a second is a second.
 *
 *   flooder ── 120,000 checks/s ──▶ ┌─────────┐ ──▶ what its budget allows, the rest shed unread
 *   others  ── now and then ─────▶ └ checker ┘ ──▶ every one answered
 */
import { fromBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { CheckResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { type CheckAnswer, createChecker } from '../../src/authz/checker.ts';
import { type CheckLimits, defaultCheckLimits } from '../../src/authz/limits.ts';
import { checkRequest } from '../authz/support/check-request.ts';
import { RecordingObserver } from '../authz/support/recording-observer.ts';

const mebibyte = 1024 * 1024;
/** Four times what a connection may ask for: what a sidecar of several cores could send. */
const perSecond = 4 * defaultCheckLimits.checksPerSecondMax;
const seconds = 3;
/** Who asks between the flooder's checks, once in so many of them. */
const others = ['b', 'c', 'd'];
const everyNth = 100;

/** One worker, whose judge allows whatever it is asked. */
function worker(limits: CheckLimits = defaultCheckLimits) {
  let [asked, nowUs] = [0, 0];
  const observer = new RecordingObserver();
  const check = createChecker({
    judge: {
      judge() {
        asked += 1;
        return { kind: 'allow', rule: 'all', revision: 'r1' };
      },
    },
    observer,
    limits,
    clock: { nowMs: () => nowUs / 1_000, monotonicUs: () => nowUs, setTimer: () => () => undefined },
  });
  return {
    observer,
    asked: () => asked,
    moveOn: (us: number) => {
      nowUs += us;
    },
    ask: (address: string, message = checkRequest()) => verdictOf(check(message, { address, spiffeUris: [] })),
  };
}

function verdictOf(answer: CheckAnswer | Promise<CheckAnswer>): 'allow' | 'deny' | 'unavailable' {
  if (answer instanceof Promise) return expect.fail('this judge does not wait');
  if (answer.kind === 'unavailable') return 'unavailable';
  return fromBinary(CheckResponseSchema, answer.bytes).status?.code === 0 ? 'allow' : 'deny';
}

/** @returns checks of the flooder that were judged, and verdicts that the others got. */
function flood(one: ReturnType<typeof worker>): { readonly judged: number; readonly others: ReadonlySet<string> } {
  const [message, got] = [checkRequest(), new Set<string>()];
  let judged = 0;
  for (let count = 0; count < perSecond * seconds; count += 1) {
    one.moveOn(1_000_000 / perSecond);
    if (one.ask('flooder', message) === 'allow') judged += 1;
    if (count % everyNth === 0) for (const other of others) got.add(one.ask(other, message));
  }
  return { judged, others: got };
}

const budget = ({ checksPerSecondMax, checksBurstMax }: CheckLimits) => checksBurstMax + checksPerSecondMax * seconds;
const limits = defaultCheckLimits;
const boundless: CheckLimits = {
  ...limits,
  messageBytesMax: Infinity,
  headersMax: Infinity,
  checksPerSecondMax: Infinity,
};

const giants = {
  'a header of 1 MiB': checkRequest({ headers: [['x-a', 'a'.repeat(mebibyte)]] }),
  'a path of 1 MiB': checkRequest({ path: `/${'a'.repeat(mebibyte)}` }),
  '10,000 headers': checkRequest({ headers: Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, '']) }),
};

test.each(Object.entries(giants))('SEC-56 %s is denied, and no judge sees it', (_, message) => {
  const one = worker();
  expect(one.ask('a', message)).toBe('deny');
  expect(one.asked()).toBe(0);
  expect(one.observer.records).toMatchObject([{ verdict: 'undecodable' }]);
  expect(worker(boundless).ask('a', message)).toBe('allow');
});

test('SEC-56 of four times as many checks as a connection may ask for its budget is judged, and everybody else is answered', () => {
  const one = worker(limits);
  const { judged, others: got } = flood(one);
  expect(judged).toBeLessThanOrEqual(budget(limits));
  expect(judged).toBeGreaterThan(budget(limits) - limits.checksBurstMax);
  expect(got).toEqual(new Set(['allow']));
});

test('SEC-56 without the budget every check of the flood is judged', () => {
  expect(flood(worker(boundless)).judged).toBe(perSecond * seconds);
});

test('SEC-56 each worker keeps budgets of its own: two of them judge twice as much of a flood, and no more', () => {
  const judged = [worker(limits), worker(limits)].map((one) => flood(one).judged);
  expect(judged[0]).toBe(judged[1]);
  expect((judged[0] ?? 0) * judged.length).toBeLessThanOrEqual(2 * budget(limits));
});
