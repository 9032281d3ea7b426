/** The one shape in which every bench tells its figures. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quantile, reportOf, reportText } from '../../bench/bench.ts';

const numbers = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 50 });

describe('a quantile', () => {
  test('of an odd number of values is one of them, of an even number lies between two', () => {
    expect(quantile([1, 2, 9], 0.5)).toBe(2);
    expect(quantile([1, 2, 4, 9], 0.5)).toBe(3);
  });

  test('is weighted between its two neighbours', () => {
    expect(quantile([0, 100], 0.25)).toBe(25);
    expect(quantile([10, 20, 30, 40, 50], 0.99)).toBeCloseTo(49.6);
  });

  test('of one value is that value, whatever the share', () => {
    expect([0, 0.3, 1].map((share) => quantile([7], share))).toEqual([7, 7, 7]);
  });

  test('never leaves the list, and never falls as the share grows', () => {
    const share = fc.double({ noNaN: true, min: 0, max: 1 });
    fc.assert(
      fc.property(numbers, share, share, (values, one, other) => {
        const sorted = [...values].sort((a, b) => a - b);
        const [low, high] = [quantile(sorted, Math.min(one, other)), quantile(sorted, Math.max(one, other))];
        const slack = 1e-6;
        expect(low).toBeGreaterThanOrEqual(quantile(sorted, 0) - slack);
        expect(high).toBeLessThanOrEqual(quantile(sorted, 1) + slack);
        expect(low).toBeLessThanOrEqual(high + slack);
      }),
    );
  });
});

describe('a report', () => {
  test('tells median, least and most of each metric, in whatever order they were measured', () => {
    const samples = { metrics: { inject_ms: { unit: 'ms', values: [300, 90, 120.4] } } };
    expect(reportOf('drill', samples)).toEqual({
      name: 'drill',
      metrics: { inject_ms: { unit: 'ms', median: 120, min: 90, max: 300 } },
      peers: {},
      ratios: {},
    });
  });

  test('keeps three places of what is small, and no fractions of what is large', () => {
    const { metrics } = reportOf('drill', { metrics: { at: { unit: 's', values: [0.123456, 10.5678, 1_234.5] } } });
    expect(metrics['at']).toEqual({ unit: 's', median: 10.6, min: 0.123, max: 1_235 });
  });

  test('tells of peers in the same way, and of ratios as they are', () => {
    const peers = { other: { inject_ms: { unit: 'ms', values: [2, 4] } } };
    const report = reportOf('drill', { metrics: {}, peers, ratios: { inject: 1.23456 } });
    expect(report.peers).toEqual({ other: { inject_ms: { unit: 'ms', median: 3, min: 2, max: 4 } } });
    expect(report.ratios).toEqual({ inject: 1.23 });
  });

  test('of what was not measured, or only in part, is none', () => {
    for (const values of [[], [1, Number.NaN], [1, Number.POSITIVE_INFINITY]]) {
      expect(() => reportOf('drill', { metrics: { lost: { unit: 'count', values } } })).toThrow('`lost`');
    }
  });

  test('for a person has a line for each figure, with its unit', () => {
    const report = reportOf('drill', {
      metrics: { clean_after_s: { unit: 's', values: [9, 10, 11] } },
      ratios: { inject: 2 },
    });
    const lines = reportText(report).split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/clean_after_s +10 s +\(9 to 11\)/);
    expect(lines[1]).toMatch(/inject +2 x/);
  });
});
