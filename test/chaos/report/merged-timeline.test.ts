/** The story of a drill among what else happened: ordered, folded, bounded. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { occurrenceWords } from '../../../src/chaos/report/happening.ts';
import { linesMax, mergedTimeline } from '../../../src/chaos/report/merged-timeline.ts';
import { call, occurrence, sampleHappenings } from './sample-happenings.ts';
import { entry, faultMs, sampleRecord } from './sample-record.ts';

const bare = { ...sampleRecord, timeline: [] };

test('four hundred and twelve overflows between two are one line, with the first and the last', () => {
  const { lines } = mergedTimeline(sampleRecord, sampleHappenings);
  const overflows = lines.filter(({ told }) => 'kind' in told && told.kind === 'call' && told.outcome === 'overflow');
  expect(overflows).toEqual([
    expect.objectContaining({ count: 412, atMs: faultMs + 30, lastMs: faultMs + 30 + 411 * 30 }),
  ]);
});

test('the same before, under and after the fault are three lines, and what passed is none', () => {
  const each = [-1_000, -500, 10, 20, 12_481].map((atMs) => call(atMs, 'failed'));
  const { lines } = mergedTimeline(sampleRecord, [...each, call(30, 'passed')]);
  expect(lines.filter(({ told }) => 'kind' in told).map(({ count }) => count)).toEqual([2, 2, 1]);
});

test('two thousand proxies are one line each way, and three are three', () => {
  const many = Array.from({ length: 2_000 }, (_, index) =>
    entry(index, 'proxy-effective', 'seen', `atelier/p${index}`),
  );
  const crowd = mergedTimeline({ ...bare, timeline: [entry(0, 'fault-laid', 'laid'), ...many] }, []);
  expect(crowd.lines.map(({ count, lastMs }) => [count, lastMs - faultMs])).toEqual([
    [1, 0],
    [2_000, 1_999],
  ]);
  expect(mergedTimeline({ ...bare, timeline: many.slice(0, 3) }, []).lines).toHaveLength(3);
});

test('of too many lines those of the drill stay, then what matters, and the rest is counted', () => {
  const pushes = Array.from({ length: 3 * linesMax }, (_, index) => occurrence(index, 'push', `type-${index}`));
  const merged = mergedTimeline(sampleRecord, [...pushes, occurrence(5_000, 'detector', 'x')]);
  expect(merged.lines).toHaveLength(linesMax);
  expect(merged.omitted).toBe(3 * linesMax + 1 + sampleRecord.timeline.length - linesMax);
  const told = merged.lines.map((line) => line.told);
  expect(told).toEqual(expect.arrayContaining([...sampleRecord.timeline]));
  expect(told.some((each) => 'kind' in each && each.kind === 'occurrence' && each.what === 'detector')).toBe(true);
});

test('whatever happened, lines are in order, bounded, and lose nothing but what they say', () => {
  const moment = fc.integer({ min: -30_000, max: 60_000 });
  const name = fc.constantFrom('a', 'b', 'c');
  const happening = fc.oneof(
    fc
      .tuple(moment, fc.constantFrom('overflow', 'failed', 'denied', 'passed'), name)
      .map(([atMs, outcome, caller]) => call(atMs, outcome, { caller })),
    fc
      .tuple(moment, fc.constantFrom(...occurrenceWords), fc.string())
      .map(([atMs, what, about]) => occurrence(atMs, what, about)),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 900 }), (happenings) => {
      const { lines, omitted } = mergedTimeline(sampleRecord, happenings);
      expect(lines.length).toBeLessThanOrEqual(linesMax);
      const starts = lines.map(({ atMs }) => atMs);
      expect(starts).toEqual(starts.toSorted((left, right) => left - right));
      expect(lines.every(({ atMs, lastMs, count }) => atMs <= lastMs && count >= 1)).toBe(true);
      const told = happenings.filter((each) => each.kind !== 'call' || each.outcome !== 'passed').length;
      const total = lines.reduce((sum, { count }) => sum + count, 0);
      if (omitted === 0) expect(total).toBe(told + sampleRecord.timeline.length);
    }),
    { seed: Number(process.env['COFFRE_SEED']), numRuns: 60 },
  );
});
