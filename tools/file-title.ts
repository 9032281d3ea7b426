/** How the worker of a test file is called among processes, for whoever looks for it. */
import { relative } from 'node:path';

/** @param file absolute path; Linux cuts a title at the length of the command line it replaces, which is longer. */
export function fileTitle(file: string): string {
  return `test ${relative(process.cwd(), file)}`;
}
