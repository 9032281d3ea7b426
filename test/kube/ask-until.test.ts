/** How often an API server is asked again, how soon, and when no more. */
import { expect, test } from 'vitest';
import { askUntil } from '../../src/kube/ask-until.ts';
import type { Outcome } from '../../src/kube/objects.ts';

const waits = { backoffMs: 100, backoffMaxMs: 1_000, retryAfterMaxMs: 5_000 };
const done: Outcome = { kind: 'done', object: { metadata: { name: 'one' } } };
const unanswered: Outcome = { kind: 'unanswered', message: 'no answer' };
const isFinal = ({ kind }: Outcome) => kind !== 'unanswered';

/** @param endsAfter so many waits, the time is up in the next. @param random of each wait. */
async function asking(outcomes: readonly Outcome[], endsAfter = Number.POSITIVE_INFINITY, random = 0.999) {
  const end = new AbortController();
  const waitedMs: number[] = [];
  let asked = 0;
  const last = await askUntil(
    async () => {
      asked += 1;
      return outcomes[asked - 1] ?? unanswered;
    },
    {
      ...{ isFinal, signal: end.signal, waits, random: () => random },
      sleep: async (ms) => {
        waitedMs.push(Math.round(ms));
        if (waitedMs.length > endsAfter) end.abort();
      },
    },
  );
  return { last, asked, waitedMs };
}

test('a final answer is asked for once', async () => {
  expect(await asking([done])).toEqual({ last: done, asked: 1, waitedMs: [] });
});

test('each wait is twice the one before, up to a bound, and at most half of it is chance', async () => {
  const outcomes = [...Array(6).fill(unanswered), done];
  expect((await asking(outcomes)).waitedMs).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  expect((await asking(outcomes, 9, 0)).waitedMs).toEqual([50, 100, 200, 400, 500, 500]);
});

test('an API server says how long it wants to be left alone, within a bound', async () => {
  const after = (retryAfterMs: number): Outcome => ({ ...unanswered, retryAfterMs });
  expect((await asking([after(3_000), after(86_400_000), done])).waitedMs).toEqual([3_000, 5_000]);
});

test('when the time is up the last answer is told, and nobody is asked again', async () => {
  expect(await asking([], 2)).toMatchObject({ last: unanswered, asked: 3 });
});

test('time that was up before is time for one question', async () => {
  const outcome = await askUntil(async () => unanswered, { isFinal, signal: AbortSignal.abort() });
  expect(outcome).toBe(unanswered);
});

test('a wait ends with the time', async () => {
  const forAnHour = { backoffMs: 3_600_000, backoffMaxMs: 3_600_000, retryAfterMaxMs: 0 };
  const outcome = await askUntil(async () => unanswered, {
    isFinal,
    signal: AbortSignal.timeout(10),
    waits: forAnHour,
  });
  expect(outcome).toBe(unanswered);
});
