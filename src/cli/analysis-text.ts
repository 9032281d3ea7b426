/** One finding for a person: a line that says what and what to do, and one for each other rule that it speaks of. */
import { formatSourceRef } from '../model/source-ref.ts';
import type { PolicyFinding } from '../policy/analyze-finding.ts';
import { printable } from './table.ts';

export function findingText({ code, level, subject, where, message, advice, related }: PolicyFinding): string {
  const lines = [
    `${level}: ${formatSourceRef(where)}: ${subject}: ${message}; ${advice} [${code}]`,
    ...related.map((each) => `    see ${formatSourceRef(each.where)}: ${each.name}`),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}
