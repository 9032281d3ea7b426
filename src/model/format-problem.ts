/** A problem as one line: where, what, and what to do; the same in log, command line and status. */
import type { Problem } from './problem.ts';
import { formatSourceRef } from './source-ref.ts';

export function formatProblem({ where, path, message, advice }: Problem): string {
  // What is said of a folder or a mesh as a whole stands in no file.
  const place = where.file === '' ? '' : `${formatSourceRef(where)}: `;
  return `${place}${path === '' ? '' : `${path}: `}${message}; ${advice}`;
}
