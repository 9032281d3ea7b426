/** The plane through measured memory, and the term that must not be there. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leastSquares } from '../../bench/least-squares.ts';
import { type Cell, memorySamples } from '../../bench/memory.ts';

const factors = [1, 2, 4];

/** One grid, and its first corner again. @param both MB for a thousand services and a thousand proxies. */
function cellsOf(both: number, noise: readonly number[] = [0]): readonly Cell[] {
  const grid = [1, ...factors].flatMap((s) => factors.map((p) => ({ services: 1_000 * s, proxies: 2_000 * p })));
  return grid.map(({ services, proxies }, at) => {
    const [s, p] = [services / 1_000, proxies / 1_000];
    const rssMb = 100 + 50 * s + 20 * p + both * s * p + (noise[at % noise.length] ?? 0);
    return { services, proxies, rssMb, heapMb: rssMb / 2 };
  });
}

function term(cells: readonly Cell[], key: string): number {
  const { metrics } = memorySamples(cells);
  return metrics[key]?.values[0] ?? Number.NaN;
}

describe('memory over a grid', () => {
  test('is parted into what is there anyway, what a service takes and what a proxy takes', () => {
    expect(term(cellsOf(0), 'rss_mb_base')).toBeCloseTo(100);
    expect(term(cellsOf(0), 'rss_mb_per_1000_services')).toBeCloseTo(50);
    expect(term(cellsOf(0), 'rss_mb_per_1000_proxies')).toBeCloseTo(20);
    expect(term(cellsOf(0), 'heap_mb_per_1000_proxies')).toBeCloseTo(10);
  });

  test('that is held once for each proxy of each service shows as a term of both', () => {
    const key = 'rss_mb_per_1000_services_and_1000_proxies';
    expect(term(cellsOf(3), key)).toBeCloseTo(3);
    expect(term(cellsOf(0), key)).toBeCloseTo(0);
  });

  test('that only wavers has a term of both within its error, and one that is there is beyond it', () => {
    const key = 'rss_mb_per_1000_services_and_1000_proxies';
    const noise = [2, -3, 1, 0, -1, 3, -2];
    const [still, grown] = [cellsOf(0, noise), cellsOf(5, noise)];
    expect(Math.abs(term(still, key))).toBeLessThan(term(still, `${key}_error`));
    expect(term(grown, key)).toBeGreaterThan(term(grown, `${key}_error`));
  });

  test('has all that was measured at its least corner', () => {
    expect(memorySamples(cellsOf(0)).metrics['rss_mb']?.values).toHaveLength(2);
  });
});

describe('least squares', () => {
  test('finds the coefficients that rows were made by, whatever they are', () => {
    const coefficient = fc.double({ noNaN: true, min: -100, max: 100 });
    fc.assert(
      fc.property(fc.tuple(coefficient, coefficient, coefficient), (wanted) => {
        const rows = [0, 1, 2, 3, 4, 5].map((at) => [1, at, at * at]);
        const ys = rows.map((row) => row.reduce((sum, x, at) => sum + x * (wanted[at] ?? 0), 0));
        const found = leastSquares(rows, ys);
        for (const [at, { value, error }] of found.entries()) {
          expect(value).toBeCloseTo(wanted[at] ?? Number.NaN, 5);
          expect(error).toBeLessThan(1e-5);
        }
      }),
    );
  });

  test('refuses rows that do not tell the unknowns apart, and too few of them', () => {
    const same = [1, 2, 3, 4].map((x) => [x, 2 * x]);
    expect(() => leastSquares(same, [1, 2, 3, 4])).toThrow('do not tell the unknowns apart');
    expect(() => leastSquares([[1, 2]], [1])).toThrow('say nothing');
  });
});
