/** A row per case tells how many variants pass, and what does not hold is told with its variants and notes. */
import { expect, test } from 'vitest';
import { type Column, differences, parseResults, type Result, table } from '../../tools/conformance-table.ts';

function result(of: Partial<Result>): Result {
  const common = { case: 'XDS-02', sentence: 's', variant: 'ADS', protocol: 'sotw', type: '', note: '' } as const;
  return { ...common, verdict: 'pass', ...of };
}

const columns: readonly Column[] = [
  { name: 'ours', results: [result({}), result({ protocol: 'delta' }), result({ case: 'choice' })] },
  {
    name: 'theirs',
    results: [
      result({ verdict: 'fail', note: 'no response' }),
      result({ verdict: 'fail', protocol: 'delta', type: 'route', note: 'no response' }),
      result({ case: 'XDS-01', verdict: 'not tried', note: 'no clock' }),
    ],
  },
];

test('the table has a row per case by number, choices behind them, and the sum', () => {
  expect(table(columns).split('\n').slice(2)).toEqual([
    '| XDS-01 |  | 1 not tried |',
    '| XDS-02 | 2/2 | 0/2 |',
    '| choice | 1/1 |  |',
    '| all | 3/3 | 0/2, 1 not tried |',
  ]);
});

test('a sentence that does not hold is told once, with its variants and what was seen', () => {
  const text = differences(columns);
  expect(text).toContain('- XDS-02 fail: s\n  sotw, delta route: no response\n');
  expect(text).toContain('- XDS-01 not tried: s\n  sotw: no clock');
});

test('results are read a line each', () => {
  const lines = columns.flatMap(({ results }) => results).map((each) => `${JSON.stringify(each)}\n`);
  expect(parseResults(lines.join(''))).toHaveLength(6);
});
