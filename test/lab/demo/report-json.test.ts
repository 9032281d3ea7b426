import { expect, test } from 'vitest';
import { type Check, type CheckResult, judge, NotShown, type Outcome } from '../../../src/lab/demo/check.ts';
import { allThemes } from '../../../src/lab/demo/checks/all-themes.ts';
import { exitCodeOf, reportOf } from '../../../src/lab/demo/report-json.ts';
import { outcomeOf, sameForAll } from '../../../src/lab/demo/run-checks.ts';

const checks = allThemes.flatMap((theme) => theme.checks);

function results(...kinds: readonly Outcome['kind'][]): readonly CheckResult[] {
  const check: Check = {
    ...{ id: 'a-row', what: 'what', want: 'want' },
    command: () => [],
    run: () => Promise.reject(new Error('not run here')),
  };
  return kinds.map((kind) => ({ check, outcome: { kind, got: 'got' }, tookMs: 1 }));
}

test('the report holds what was wanted and got of each row, and counts the failures', () => {
  expect(reportOf(results('pass', 'fail', 'not-shown'))).toEqual({
    checks: [
      { id: 'a-row', what: 'what', want: 'want', got: 'got', state: 'pass' },
      { id: 'a-row', what: 'what', want: 'want', got: 'got', state: 'fail' },
      { id: 'a-row', what: 'what', want: 'want', got: 'got', state: 'not-shown' },
    ],
    failed: 1,
  });
});

test.each([
  [0, ['pass', 'pass']],
  [0, ['pass', 'not-shown']],
  [1, ['pass', 'fail']],
  [1, ['not-shown', 'not-shown']],
] as const)('the exit code is %i after %j', (code, kinds) => {
  expect(exitCodeOf(results(...kinds))).toBe(code);
});

test('a row passes only if every claim of it holds, and a broken one is named', () => {
  expect(judge('got', { one: true, two: true })).toEqual({ kind: 'pass', got: 'got' });
  expect(judge('got', { one: true, two: false })).toEqual({ kind: 'fail', got: 'got; not so: two' });
});

test('an exception is a failure, unless it says that this machine cannot show the row', () => {
  expect(outcomeOf(new Error('broken'))).toEqual({ kind: 'fail', got: 'broken' });
  expect(outcomeOf(new NotShown('no curl'))).toEqual({ kind: 'not-shown', got: 'no curl' });
});

test('a mesh that did not start fails every row', () => {
  const report = reportOf(sameForAll(allThemes, { kind: 'fail', got: 'why' }));
  expect(report.failed).toBe(checks.length);
});

test('every row has an id of its own, in kebab-case, and a command', () => {
  const place = {
    lab: 'x1',
    mesh: '/m',
    attacker: '/a',
    people: '/lab/people',
    pidFiles: { controlPlane: '/lab/coffre.pid', authz: '/lab/authz.pid' },
    state: '/lab/state',
    database: 'postgres',
  } as const;
  const ids = checks.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { id, command } of checks) {
    expect(id).toMatch(/^[a-z0-9.]+(-[a-z0-9.]+)*$/);
    expect(command(place)).not.toHaveLength(0);
  }
});
