/** Header lines out of a list, as commands and doors hand them over. */
import type { HeaderLines } from './access-request.ts';

export type HeaderLine = readonly [name: string, value: string];

/** @param all names in lower case. As JSON it is this list again. */
export function headerLines(all: readonly HeaderLine[]): HeaderLines & { toJSON(): readonly HeaderLine[] } {
  return {
    lines: (name) => all.filter(([each]) => each === name).map(([, value]) => value),
    names: () => [...new Set(all.map(([name]) => name))],
    toJSON: () => all,
  };
}

/** @param value from a wire. @returns undefined where it is no list of header lines. */
export function readHeaderLines(value: unknown): HeaderLines | undefined {
  if (!Array.isArray(value)) return undefined;
  const isLine = (line: unknown): line is HeaderLine =>
    Array.isArray(line) && line.length === 2 && line.every((part) => typeof part === 'string');
  return value.every(isLine) ? headerLines(value.map(([name, text]) => [name.toLowerCase(), text])) : undefined;
}
