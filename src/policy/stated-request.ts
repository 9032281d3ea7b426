/**
 * What a question states of a request beside method and path, as commands and doors hand it over: the values that rules
 * ask are functions, and each of these becomes plain data again on a wire.
 */
import type { HeaderLines } from './access-request.ts';
import type { TokenFacts } from './token.ts';

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

export type StatedToken = (() => TokenFacts) & { toJSON(): TokenFacts };

export function statedToken(facts: TokenFacts): StatedToken {
  return Object.assign(() => facts, { toJSON: () => facts });
}

/** @param value from a wire, where only a token that is not valid can be stated. @returns undefined of anything else. */
export function readStatedToken(value: unknown): StatedToken | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'invalid') return undefined;
  return statedToken({
    kind: 'invalid',
    why: 'why' in value && typeof value.why === 'string' ? value.why : 'it is not told why',
  });
}
