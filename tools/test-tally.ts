/**
 * What a test run amounts to, counted from what vitest reports: the closing line, and the verdict under `--no-skip`.
 *
 * A module that could not be loaded, an error outside every test and a static check that failed count as one failure
 * each, so that the closing line never says "0 failed" of a run that failed.
 */

/** The part of vitest's TestModule that is counted. */
export interface ReportedModule {
  /** Path relative to the repository. */
  readonly file: string;
  /** False where the module or one of its suites failed outside its tests. */
  readonly sound: boolean;
  readonly tests: readonly { readonly name: string; readonly state: 'passed' | 'failed' | 'skipped' | 'pending' }[];
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** `file > suite > test` of each test that was skipped, left as a todo or never begun. */
  readonly skipped: readonly string[];
}

/** @param otherFailures number of failures outside every module: unhandled errors, static checks. */
export function tally(modules: readonly ReportedModule[], otherFailures: number): Tally {
  const tests = modules.flatMap(({ file, tests }) =>
    tests.map(({ name, state }) => ({ name: `${file} > ${name}`, state })),
  );
  const failed = tests.filter(({ state }) => state === 'failed').length;
  return {
    passed: tests.filter(({ state }) => state === 'passed').length,
    failed: failed + modules.filter(({ sound }) => !sound).length + otherFailures,
    skipped: tests.filter(({ state }) => state === 'skipped' || state === 'pending').map(({ name }) => name),
  };
}

/** A run of no test at all proves nothing, and so does not succeed. */
export function succeeded({ passed, failed, skipped }: Tally, noSkip: boolean): boolean {
  return failed === 0 && passed > 0 && (!noSkip || skipped.length === 0);
}

export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped.length} skipped`;
}
