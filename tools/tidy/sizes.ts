/** Files stay short: a hard limit for each, and a softer one that nine in ten must keep. */
import type { Finding, TidyFile } from './finding.ts';

/** Share of files that must keep the softer limit. */
const commonShare = 0.9;

export function sizeFindings(
  files: readonly TidyFile[],
  limits: { readonly linesMax: number; readonly linesCommon: number },
): Finding[] {
  const sized = files.map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }));
  const cure = 'look for the sentence that divides it, and make two files of it';
  const hard = sized
    .filter(({ lines }) => lines > limits.linesMax)
    .map(({ path, lines }) => ({ where: path, rule: `${lines} lines, where ${limits.linesMax} is the limit`, cure }));
  const long = sized.filter(({ lines }) => lines > limits.linesCommon).sort((a, b) => b.lines - a.lines);
  const spare = Math.floor(sized.length * (1 - commonShare) + 1e-9);
  const soft = long.length <= spare ? [] : long;
  return [
    ...hard,
    ...soft.map(({ path, lines }) => ({
      where: path,
      rule: `${lines} lines; ${long.length} of ${sized.length} files have more than ${limits.linesCommon}, and ${spare} may`,
      cure,
    })),
  ];
}
