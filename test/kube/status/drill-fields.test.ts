/** What the status of a drill says of each of its phases, and that its definition takes it. */
import { expect, test } from 'vitest';
import { statusSchema } from '../../../src/kube/crds/status-schema.ts';
import { type DrillProgress, drillFields, drillMessageMax } from '../../../src/kube/status/drill-fields.ts';

const declared: DrillProgress = {
  ...{ phase: 'declared', reason: '', verdict: 'pending', planHash: '' },
  ...{ plannedBy: '', approvedBy: '', startedBy: '' },
  ...{ startedAtMs: 0, faultAtMs: 0, deadlineMs: 0, endedAtMs: 0 },
};
const startedAtMs = Date.UTC(2027, 0, 31, 18);
const ended: DrillProgress = {
  ...{ ...declared, phase: 'aborted', reason: 'halted by `ada`', verdict: 'unproven', planHash: 'abc' },
  ...{ plannedBy: 'ada', startedBy: 'ada', startedAtMs, faultAtMs: startedAtMs + 3_000 },
  ...{ deadlineMs: startedAtMs + 63_000, endedAtMs: startedAtMs + 9_500 },
};

test('a drill that was never planned has a phase and no run', () => {
  expect(drillFields(declared)).toEqual({ phase: 'declared' });
});

test('a run says who, when, by which plan and how it ended, and nothing of what has not come to be', () => {
  expect(drillFields(ended)).toEqual({
    phase: 'aborted',
    message: 'halted by `ada`',
    run: {
      planHash: 'abc',
      verdict: 'unproven',
      plannedBy: 'ada',
      startedBy: 'ada',
      startedAt: '2027-01-31T18:00:00Z',
      faultAt: '2027-01-31T18:00:03Z',
      deadline: '2027-01-31T18:01:03Z',
      endedAt: '2027-01-31T18:00:09Z',
    },
  });
});

test('a reason as long as a book is cut where the definition ends', () => {
  expect(drillFields({ ...ended, reason: 'x'.repeat(10_000) }).message).toHaveLength(drillMessageMax);
});

test('every field is one of the definition, and only a drill has them', () => {
  const { properties = {} } = statusSchema('Drill');
  const fields = drillFields(ended);
  expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(fields)));
  expect(Object.keys(properties['run']?.properties ?? {})).toEqual(
    expect.arrayContaining(Object.keys(fields.run ?? {})),
  );
  expect(statusSchema('Grant').properties).not.toHaveProperty('phase');
});
