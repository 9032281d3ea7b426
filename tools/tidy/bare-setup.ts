/** The set-up runs before anything is installed: plain JavaScript, Node's own modules and its own files, no more. */
import type { Finding, TidyFile } from './finding.ts';
import { importsOf } from './imports-of.ts';

const data = /\.txt$/;

export function bareSetupFindings(file: TidyFile): Finding[] {
  if (data.test(file.path)) return [];
  if (!file.path.endsWith('.mjs')) {
    return [
      {
        where: file.path,
        rule: 'the set-up is plain .mjs, since an old Node runs no TypeScript',
        cure: 'rewrite or move it',
      },
    ];
  }
  return importsOf(file.text)
    .filter(({ specifier }) => !specifier.startsWith('node:') && !/^\.\/[\w-]+\.mjs$/.test(specifier))
    .map(({ specifier, line }) => ({
      where: `${file.path}:${line}`,
      rule: `the set-up imports \`${specifier}\`, which is not there on a fresh machine`,
      cure: 'use a module of Node itself or a file beside it',
    }));
}
