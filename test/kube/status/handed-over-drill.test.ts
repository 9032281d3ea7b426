/** What a leader says of drills that another has led. */
import { expect, test } from 'vitest';
import { handedOver } from '../../../src/kube/status/handed-over-drill.ts';

const run = { planHash: 'cafe', verdict: 'pending', startedBy: 'ana' };
const declared = { phase: 'declared' };

test.each(['approved', 'running', 'aborting', 'recovering'])(
  'FLT-27 a run that was %s under a former leader is aborted',
  (phase) => {
    expect(handedOver({ phase, run, term: 3 }, declared)).toEqual({
      phase: 'aborted',
      message: 'the leader that ran it is gone; every fault it had laid has ended by itself',
      run,
    });
  },
);

test.each(['completed', 'aborted', 'failed'])('a run that was %s stays so', (phase) => {
  expect(handedOver({ phase, message: 'halted', run, term: 3 }, declared)).toEqual({ phase, message: 'halted', run });
});

test('a run of this leader is told as it is, whatever stood there', () => {
  const drill = { phase: 'running', run: { ...run, planHash: 'beef' } };
  expect(handedOver({ phase: 'aborted', run }, drill)).toBe(drill);
});

test('of two runs the one that began last is told', () => {
  const earlier = { phase: 'completed', run: { ...run, startedAt: '2026-11-23T12:00:00Z' } };
  const later = { phase: 'running', run: { ...run, startedAt: '2026-11-23T12:05:00Z' } };
  expect(handedOver(later, earlier)).toMatchObject({ phase: 'aborted', run: later.run });
  expect(handedOver(earlier, later)).toBe(later);
});

test('a drill that never ran is declared', () => {
  expect(handedOver({}, declared)).toBe(declared);
  expect(handedOver({ phase: 'planned', run }, declared)).toBe(declared);
});
