/** What came of policy tests, for a person: what failed and why, and which rules nothing asked about. */
import { formatSourceRef } from '../model/source-ref.ts';
import { plural } from './plural.ts';
import type { CaseFailure, CaseResult, Coverage, PolicyTestRun } from './policy-test-run.ts';
import { printable } from './table.ts';

export function policyTestText({ results, coverage }: PolicyTestRun): string {
  const failed = results.filter(({ failures }) => failures.length > 0);
  const lines = [
    ...failed.flatMap(failedLines),
    ...coverageLines(coverage),
    `${plural(results.length, 'case')}, ${failed.length} failed; ` +
      `${coverage.decided} of ${plural(coverage.rules, 'rule')} decided (${coverage.percent} %)`,
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function failedLines({ test, name, where, failures }: CaseResult): string[] {
  return [`FAILED ${formatSourceRef(where)}: ${test}: ${name}`, ...failures.flatMap(failureLines)];
}

function failureLines({ workload, expected, got, sentence }: CaseFailure): string[] {
  return [
    `    expected ${expected}`,
    `    got      ${got}${workload === undefined ? '' : ` at ${workload}`}`,
    `    ${sentence}`,
  ];
}

function coverageLines({ undecided }: Coverage): string[] {
  return undecided.map(({ name, where }) => `nothing decided by ${formatSourceRef(where)}: ${name}`);
}
