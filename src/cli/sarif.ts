/**
 * Problems and findings as SARIF 2.1.0, which code review and editors show at the line.
 * Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", sections 3.13 to 3.27 and 3.49.
 */
import type { Problem } from '../model/problem.ts';
import type { SourceRef } from '../model/source-ref.ts';
import { findingHelp, type PolicyFinding } from '../policy/analyze-finding.ts';

interface Told {
  readonly code: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly where: SourceRef;
  readonly message: string;
  readonly advice: string;
  readonly related: readonly { readonly name: string; readonly where: SourceRef }[];
}

/** @param uriOf a file, by its path relative to the folder. @returns one run; its rules are those that are told. */
export function sarifOf(
  problems: readonly Problem[],
  findings: readonly PolicyFinding[],
  uriOf: (file: string) => string,
): object {
  const told: readonly Told[] = [
    ...problems.map((problem) => ({ ...problem, level: problem.severity, related: [] })),
    ...findings,
  ];
  const codes = [...new Set(told.map(({ code }) => code))].sort();
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'coffre', rules: codes.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: told.map(({ code, level, where, message, advice, related }) => ({
          ruleId: code,
          ruleIndex: codes.indexOf(code),
          level,
          message: { text: `${message}; ${advice}` },
          locations: [locationOf(where, uriOf)],
          ...(related.length === 0 ? {} : { relatedLocations: related.map((each) => relatedOf(each, uriOf)) }),
        })),
      },
    ],
  };
}

/** Of a problem there is no help but its own advice: what is wrong differs from one to the next. */
const problemHelp =
  'What is written is not in force, or not as written. The message says what to do; `coffre check` tells the same.';

function ruleOf(code: string) {
  const text = isFindingCode(code) ? findingHelp[code] : problemHelp;
  return { id: code, shortDescription: { text: code.replaceAll('-', ' ') }, help: { text } };
}

function isFindingCode(code: string): code is keyof typeof findingHelp {
  return Object.hasOwn(findingHelp, code);
}

function locationOf({ file, line }: SourceRef, uriOf: (file: string) => string) {
  return { physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: line } } };
}

function relatedOf({ name, where }: Told['related'][number], uriOf: (file: string) => string) {
  return { ...locationOf(where, uriOf), message: { text: name } };
}
