/** Troubles of telemetry itself: one line a minute, however many there are. */
import { expect, test } from 'vitest';
import { troubleEveryMs, troubleTeller } from '../../src/telemetry/trouble-teller.ts';

function telling() {
  let nowMs = 1_000;
  const told: string[] = [];
  const trouble = troubleTeller(
    () => nowMs,
    (problem) => told.push(problem),
  );
  return {
    trouble,
    told,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

test('the first is told at once, and the next after a minute says how many there were between', () => {
  const { trouble, told, pass } = telling();
  trouble.error('no collector', new Error('ECONNREFUSED'));
  for (let i = 0; i < 500; i++) trouble.warn('no collector');
  expect(told).toEqual([expect.stringContaining('no collector Error: ECONNREFUSED')]);
  pass(troubleEveryMs);
  trouble.error('still no collector');
  expect(told.slice(1)).toEqual([expect.stringMatching(/still no collector \(and 500 more before\)$/)]);
});

test('what a collector answers is cut', () => {
  const { trouble, told } = telling();
  trouble.error('x'.repeat(100_000));
  expect(told[0]?.length).toBeLessThan(600);
});

test('what is no trouble is not told', () => {
  const { trouble, told } = telling();
  trouble.info('started');
  trouble.debug('sent');
  expect(told).toEqual([]);
});
