/** A problem as one line: where, what, and what to do; the same in log, command line and status. */
import type { Problem } from './problem.ts';
import { formatSourceRef } from './source-ref.ts';

export function formatProblem({ where, path, message, advice }: Problem): string {
  return `${formatSourceRef(where)}: ${path === '' ? '' : `${path}: `}${message}; ${advice}`;
}
