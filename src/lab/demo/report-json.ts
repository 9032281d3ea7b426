/** The demo's result for machines: one JSON document. */
import type { CheckResult, Outcome } from './check.ts';

export interface DemoReport {
  readonly checks: readonly {
    readonly id: string;
    readonly what: string;
    readonly want: string;
    readonly got: string;
    readonly state: Outcome['kind'];
  }[];
  readonly failed: number;
}

export function reportOf(results: readonly CheckResult[]): DemoReport {
  return {
    checks: results.map(({ check: { id, what, want }, outcome: { kind, got } }) => ({
      ...{ id, what, want, got },
      state: kind,
    })),
    failed: results.filter(({ outcome }) => outcome.kind === 'fail').length,
  };
}

/** Nothing failed, and something was shown: a machine that can show nothing has proven nothing. */
export function exitCodeOf(results: readonly CheckResult[]): number {
  const shown = results.some(({ outcome }) => outcome.kind === 'pass');
  return shown && reportOf(results).failed === 0 ? 0 : 1;
}
