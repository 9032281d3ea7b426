/**
 * The table, as text: pure, so that it can be read in a test.
 *
 *   ✓ id            what was tried                                 pass    61 ms
 *                   want  what should have been seen
 *                   got   what was seen
 *                   $ the command for the reader, never wrapped: it is there to be copied
 */
import type { CheckResult, Outcome } from './check.ts';
import type { Palette } from './palette.ts';

export interface TableStyle {
  /** Columns of the terminal. */
  readonly width: number;
  readonly palette: Palette;
}

/** Columns of the id; the longest has 26. */
const idColumns = 27;
/** Columns of state and time, at the right. */
const sideColumns = 20;
/** Below this many columns the ids stand on lines of their own; above the second, text is not stretched further. */
const narrowColumns = 90;
const widestColumns = 130;

export function renderHead({ width, palette }: TableStyle): string {
  const [first = '', ...others] = wrap(
    'Two tenants of a document service, atelier and notaire, now run on this machine with real Envoy sidecars.',
    textWidth(width),
  );
  const second = wrap(
    'Each row is an attempt made as you watch, judged by what arrived; below it, the command to make it yourself.',
    textWidth(width),
  );
  return `${[palette.bold(first), ...others.map(palette.bold), ...second.map(palette.dim)].join('\n')}\n`;
}

export function renderTheme(title: string, { palette }: TableStyle): string {
  return `\n${palette.bold(title)}\n`;
}

export function renderRow(
  { check, outcome, tookMs }: CheckResult,
  lines: readonly string[],
  style: TableStyle,
): string {
  const { palette } = style;
  const [mark, colour] = marks(palette)[outcome.kind];
  const width = textWidth(style.width);
  const isNarrow = style.width < narrowColumns;
  const indent = ' '.repeat(isNarrow ? 4 : 2 + idColumns);
  const side = `${outcome.kind.padStart(9)} ${`${Math.round(tookMs)} ms`.padStart(9)}`;
  const [what = '', ...whatMore] = wrap(check.what, Math.max(width - indent.length - (isNarrow ? 0 : sideColumns), 20));
  const head = isNarrow
    ? [`${colour(mark)} ${colour(check.id)}  ${palette.dim(side.trim())}`, `${indent}${what}`]
    : [
        `${colour(mark)} ${palette.dim(check.id.padEnd(idColumns))}${what.padEnd(width - indent.length - sideColumns)}` +
          ` ${colour(side.slice(0, 9))}${palette.dim(side.slice(9))}`,
      ];
  const labelled = (label: string, text: string, paint: (text: string) => string) =>
    wrap(text, Math.max(width - indent.length - label.length, 20)).map(
      (line, index) => `${indent}${palette.dim(index === 0 ? label : ' '.repeat(label.length))}${paint(line)}`,
    );
  return `${[
    ...head,
    ...whatMore.map((line) => `${indent}${line}`),
    ...labelled('want  ', check.want, palette.dim),
    ...labelled('got   ', outcome.got, outcome.kind === 'pass' ? (text) => text : colour),
    ...lines.map((line) => `${indent}${palette.dim(`$ ${line}`)}`),
  ].join('\n')}\n`;
}

/** Shown while a row is being tried, on a terminal only. */
export function renderPending(what: string, { width, palette }: TableStyle): string {
  return palette.dim(`… ${what}`.slice(0, width - 1));
}

export function renderSummary(results: readonly CheckResult[], tookMs: number, { palette }: TableStyle): string {
  const count = (kind: Outcome['kind']) => results.filter(({ outcome }) => outcome.kind === kind).length;
  const failed = count('fail');
  const notShown = count('not-shown');
  const parts = [
    palette.good(`${count('pass')} passed`),
    failed === 0 ? '0 failed' : palette.bad(`${failed} failed`),
    ...(notShown === 0 ? [] : [palette.warn(`${notShown} not shown on this machine`)]),
  ];
  return `\n${parts.join(', ')} in ${(tookMs / 1_000).toFixed(1)} s\n`;
}

function marks(palette: Palette): Record<Outcome['kind'], readonly [string, (text: string) => string]> {
  return { pass: ['✓', palette.good], fail: ['✗', palette.bad], 'not-shown': ['–', palette.warn] };
}

function textWidth(width: number): number {
  return Math.min(width, widestColumns);
}

/** Breaks at spaces; a word longer than a line stays whole, so that addresses can be copied. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
