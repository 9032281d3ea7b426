/** What a host's `Cache-Control` is read as. */
import { expect, test } from 'vitest';
import { maxAgeMs } from '../../src/oidc/max-age.ts';

test.each<[readonly string[], number | undefined]>([
  [['max-age=600'], 600_000],
  [['public, Max-Age=19345, must-revalidate, no-transform'], 19_345_000],
  [['max-age="60"'], 60_000],
  [['max-age=60, max-age=6000'], 60_000],
  [['public', 'max-age=60'], 60_000],
  [['no-cache'], 0],
  [['max-age=600, no-store'], 0],
  [[], undefined],
  [['public'], undefined],
  [['max-age'], undefined],
  [['max-age=-1'], undefined],
  [['max-age=1e9'], undefined],
  [['s-maxage=600'], undefined],
  [[`${'x'.repeat(2_000)}, max-age=600`], undefined],
])('%j allows %s ms', (lines, wanted) => {
  expect(maxAgeMs(lines)).toBe(wanted);
});

test('an age beyond any number is one beyond any bound', () => {
  expect(maxAgeMs([`max-age=${'9'.repeat(400)}`])).toBe(Number.POSITIVE_INFINITY);
});
