/** Colours of the terminal, or none: `NO_COLOR` and pipes are respected (no-color.org). */
export interface Palette {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

const plain = (text: string) => text;
export const noColours: Palette = { good: plain, bad: plain, warn: plain, dim: plain, bold: plain };

const sgr = (code: number, end: number) => (text: string) => `\x1b[${code}m${text}\x1b[${end}m`;
export const colours: Palette = {
  good: sgr(32, 39),
  bad: sgr(31, 39),
  warn: sgr(33, 39),
  dim: sgr(2, 22),
  bold: sgr(1, 22),
};

export function paletteFor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Palette {
  const { NO_COLOR = '', TERM = '' } = env;
  return isTerminal && NO_COLOR === '' && TERM !== 'dumb' ? colours : noColours;
}
