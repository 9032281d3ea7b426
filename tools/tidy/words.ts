/** Words that no file may hold: machine paths, hosts of registries, markers of unfinished work, tests switched off. */
import type { Finding, TidyFile } from './finding.ts';

export interface ForbiddenWord {
  readonly what: string;
  readonly pattern: RegExp;
  readonly cure: string;
  /** Only in files whose path matches; absent means in every file. */
  readonly within?: RegExp;
}

export function wordFindings({ path, text }: TidyFile, words: readonly ForbiddenWord[]): Finding[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      words
        .filter(({ pattern, within }) => (within?.test(path) ?? true) && pattern.test(line))
        .map(({ what, cure }) => ({ where: `${path}:${index + 1}`, rule: `holds ${what}`, cure })),
    );
}
