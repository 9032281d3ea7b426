/**
 * Regular expressions of Envoy (RE2, whole text), as far as they mean the same here and cost little: a row of characters,
 * classes and dots, each perhaps repeated. Groups and alternatives are not understood, and nothing is guessed of them.
 */

/** One element of the row, and how often it comes. */
const element = /(\\[^A-Za-z0-9]|\[\^?[^\\[\]]+\]|[^\\[\](){}|*+?^$])([*+?]?)/y;

interface Element {
  readonly one: string;
  readonly times: string;
}

export interface Pattern {
  matches(text: string): boolean;
  /** Some text that matches, short. */
  readonly example: string | undefined;
}

/** Of characters that a class may hold, those that make a readable example. */
const alphabet = ['x', '1', 'X', '-', '/', '.', '_', ';', ' '];

/** @returns undefined where it is not understood. */
export function patternOf(regex: string): Pattern | undefined {
  const elements: Element[] = [];
  for (element.lastIndex = 0; element.lastIndex < regex.length; ) {
    const found = element.exec(regex);
    if (found === null) return undefined;
    elements.push({ one: found[1] ?? '', times: found[2] ?? '' });
  }
  const compiled = new RegExp(`^(?:${regex})$`, 'u');
  return { matches: (text) => compiled.test(text), example: exampleOf(elements) };
}

function exampleOf(elements: readonly Element[]): string | undefined {
  const parts = elements.map(({ one, times }) => (times === '*' || times === '?' ? '' : characterOf(one)));
  return parts.some((part) => part === undefined) ? undefined : parts.join('');
}

function characterOf(one: string): string | undefined {
  if (one.startsWith('\\')) return one.slice(1);
  if (one !== '.' && !one.startsWith('[')) return one;
  const compiled = new RegExp(`^${one}$`, 'u');
  return alphabet.find((character) => compiled.test(character));
}
