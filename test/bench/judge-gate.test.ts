/** The gate closes for what became dearer, and for nothing else. */
import { describe, expect, test } from 'vitest';
import { judgeGate } from '../../bench/judge-gate.ts';

const kept = { tolerance: 0.3, ratios: { cpu_us_per_update: 0.5, cpu_us_per_reconnect: 2 } };
const good = { cpu_us_per_update: [0.5, 0.52, 0.48], cpu_us_per_reconnect: [2, 1.9, 2.1] };

describe('the gate', () => {
  test('passes what was kept, and anything cheaper', () => {
    expect(judgeGate(kept, good)).toEqual([]);
    expect(judgeGate(kept, { ...good, cpu_us_per_update: [0.1, 0.1, 0.1] })).toEqual([]);
  });

  test('passes up to its tolerance, and not beyond it', () => {
    expect(judgeGate(kept, { ...good, cpu_us_per_reconnect: [2.59, 2.6, 2.6] })).toEqual([]);
    expect(judgeGate(kept, { ...good, cpu_us_per_reconnect: [2.61, 2.61, 2.61] })).toHaveLength(1);
  });

  test('tells which unit is worse, by how much, how much may be, and what to do', () => {
    const [sentence = '', ...more] = judgeGate(kept, { ...good, cpu_us_per_update: [0.9, 0.8, 1] });
    expect(more).toEqual([]);
    expect(sentence).toContain('`cpu_us_per_update` is 0.90 times the peer');
    expect(sentence).toContain('was 0.50; 0.65 is the most that passes');
    expect(sentence).toContain('--profile');
  });

  test('goes by the median: one pair of rounds that was disturbed closes nothing, and one that was lucky opens nothing', () => {
    expect(judgeGate(kept, { ...good, cpu_us_per_update: [0.5, 0.5, 40] })).toEqual([]);
    expect(judgeGate(kept, { ...good, cpu_us_per_update: [0.1, 0.9, 0.9] })).toHaveLength(1);
  });

  test('does not pass what was not measured', () => {
    for (const missing of [[], [Number.NaN, Number.NaN, 1]]) {
      expect(judgeGate(kept, { ...good, cpu_us_per_update: missing })[0]).toMatch(
        /^`cpu_us_per_update` was not measured/,
      );
    }
    expect(judgeGate(kept, { cpu_us_per_update: good.cpu_us_per_update })[0]).toMatch(
      /^`cpu_us_per_reconnect` was not/,
    );
  });

  test('does not pass a unit of which nothing was kept', () => {
    expect(judgeGate(kept, { ...good, cpu_us_per_push: [1, 1, 1] })[0]).toMatch(/^`cpu_us_per_push` has no kept ratio/);
  });
});
