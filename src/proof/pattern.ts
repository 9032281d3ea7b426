/**
 * Regular expressions of Envoy (RE2, whole text), as far as they mean the same here: characters, classes, groups and
 * alternatives, each perhaps repeated. Of anything else nothing is guessed.
 *
 * This engine may go back and forth where RE2 does not. The expressions are of those who may write the mesh's policy, and
 * the texts tried are short.
 */

/** Longest text that is tried, in characters. */
const textMax = 1_024;

/** One character of either engine's language: escaped, a class, or itself. */
const character = /\\[^A-Za-z0-9]|\\[wWdDsSC]|\[\^?(?:\\.|[^\\[\]])+\]|[^\\[\](){}|*+?^$]/y;
const repetition = /[*+?]|\{\d+(?:,\d*)?\}/y;

export interface Pattern {
  /** @returns undefined for a text that is too long to be tried. */
  matches(text: string): boolean | undefined;
  /** Some text that matches, short. */
  readonly example: string | undefined;
}

/** Of characters that a class may hold, those that make a readable example. */
const alphabet = ['x', '1', 'X', '-', '/', '.', '_', ';', '%', ',', ' '];

const known = new Map<string, Pattern | undefined>();
/** Most expressions whose reading is kept. */
const knownMax = 4_096;

/** @returns undefined where it is not understood. */
export function patternOf(regex: string): Pattern | undefined {
  if (known.has(regex)) return known.get(regex);
  const pattern = readPattern(regex);
  if (known.size < knownMax) known.set(regex, pattern);
  return pattern;
}

function readPattern(regex: string): Pattern | undefined {
  const folds = regex.startsWith('(?i)');
  const body = folds ? regex.slice('(?i)'.length) : regex;
  const parsed = new Parser(body).whole();
  if (parsed === undefined) return undefined;
  const compiled = new RegExp(`^(?:${body.replaceAll('\\C', '[\\s\\S]')})$`, folds ? 'i' : '');
  return {
    matches: (text) => (text.length > textMax ? undefined : compiled.test(text)),
    example: compiled.test(parsed) ? parsed : undefined,
  };
}

/** Walks over an expression and writes an example of it: the first alternative, each repetition as often as it must. */
class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): string | undefined {
    const example = this.#alternatives();
    return this.#at === this.#text.length ? example : undefined;
  }

  #alternatives(): string | undefined {
    const first = this.#row();
    while (this.#take('|')) if (this.#row() === undefined) return undefined;
    return first;
  }

  #row(): string | undefined {
    let row = '';
    while (this.#at < this.#text.length && !'|)'.includes(this.#text.charAt(this.#at))) {
      const one = this.#one();
      if (one === undefined) return undefined;
      row += one.repeat(this.#times());
    }
    return row;
  }

  #one(): string | undefined {
    if (this.#take('(?:') || (this.#text.charAt(this.#at + 1) !== '?' && this.#take('('))) {
      const inside = this.#alternatives();
      return this.#take(')') ? inside : undefined;
    }
    if (this.#take('^') || this.#take('$')) return '';
    const found = this.#match(character);
    if (found === undefined) return undefined;
    if (/^\\[^A-Za-z0-9]$/.test(found)) return found.slice(1);
    if (!/^(?:\\|\[|\.$)/.test(found)) return found;
    const compiled = new RegExp(`^${found.replace('\\C', '.')}$`);
    return [...alphabet, ...found].find((each) => compiled.test(each));
  }

  #times(): number {
    const found = this.#match(repetition);
    if (found === undefined || found === '+') return 1;
    return found.startsWith('{') ? Number(/\d+/.exec(found)?.[0]) : 0;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}
