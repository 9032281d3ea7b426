import { expect, test } from 'vitest';
import { closingLine, type ReportedModule, succeeded, tally } from '../../tools/test-tally.ts';

const good: ReportedModule = { file: 'a.test.ts', sound: true, tests: [{ name: 'a holds', state: 'passed' }] };
const skipping: ReportedModule = { file: 'b.test.ts', sound: true, tests: [{ name: 'needs a lab', state: 'skipped' }] };
const failing: ReportedModule = { file: 'c.test.ts', sound: true, tests: [{ name: 'c holds', state: 'failed' }] };
const unloadable: ReportedModule = { file: 'd.test.ts', sound: false, tests: [] };

test('the closing line counts passed, failed and skipped', () => {
  expect(closingLine(tally([good, skipping, failing], 0))).toBe('1 passed, 1 failed, 1 skipped');
});

test('a skipped test is named, and fails the run under --no-skip only', () => {
  const outcome = tally([good, skipping], 0);
  expect(outcome.skipped).toEqual(['b.test.ts > needs a lab']);
  expect(succeeded(outcome, false)).toBe(true);
  expect(succeeded(outcome, true)).toBe(false);
});

test('a test that never ended counts as skipped', () => {
  const cut: ReportedModule = { ...good, tests: [{ name: 'cut off', state: 'pending' }] };
  expect(tally([cut], 0).skipped).toEqual(['a.test.ts > cut off']);
});

test('a module that cannot be loaded, and a failure outside every module, fail the run', () => {
  expect(closingLine(tally([good, unloadable], 2))).toBe('1 passed, 3 failed, 0 skipped');
  expect(succeeded(tally([good, unloadable], 0), false)).toBe(false);
  expect(succeeded(tally([good], 1), false)).toBe(false);
});

test('a run of no test does not succeed', () => {
  expect(succeeded(tally([], 0), false)).toBe(false);
  expect(succeeded(tally([good], 0), true)).toBe(true);
});
