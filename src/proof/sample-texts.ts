/**
 * A few texts that stand for all, under a set of matchers: for every text there is one here that each of them treats alike.
 *
 * Why that is possible: a text that no exact matcher names is told apart only by the longest prefix and the longest suffix
 * that match it, as all shorter ones of those match too and no others do. So each exact text, and one fresh text for each
 * pair of a prefix and a suffix, are enough. Matchers of other kinds add an example each, and are not covered.
 */
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { patternOf } from './pattern.ts';
import { isSampled } from './text-match.ts';

export interface SampleTexts {
  /** Plainest first. */
  readonly texts: readonly string[];
  /** They stand for all texts; otherwise only for what the exact, prefix and suffix matchers say. */
  readonly complete: boolean;
}

/** Put between a prefix and a suffix until the text is neither named nor caught by a longer one. */
const fillings: readonly string[] = ['', ...['x', 'xx', 'xxx'].flatMap(otherLetters)];

/**
 * @param start what every text begins with, such as `/`.
 * @param plain texts to prefer where they will do as fresh ones.
 */
export function sampleTexts(matchers: readonly StringMatcher[], start: string, plain: readonly string[]): SampleTexts {
  const exact = new Set(valuesOf(matchers, 'exact'));
  const prefixes = [...new Set([start, ...valuesOf(matchers, 'prefix')])];
  const suffixes = [...new Set(['', ...valuesOf(matchers, 'suffix')])];
  const longest = (values: readonly string[], matches: (value: string) => boolean) =>
    values.filter(matches).reduce((best, value) => (value.length > best.length ? value : best), '');
  const stands = (text: string, prefix: string, suffix: string) =>
    !exact.has(text) &&
    text.startsWith(start) &&
    longest(prefixes, (value) => text.startsWith(value)) === prefix &&
    longest(suffixes, (value) => text.endsWith(value)) === suffix;
  // A prefix that does not begin as every text does catches none of them, or no fewer than all.
  const kinds = prefixes
    .filter((prefix) => prefix.startsWith(start))
    .flatMap((prefix) => suffixes.map((suffix) => ({ prefix, suffix })));
  const fresh = kinds.flatMap(({ prefix, suffix }) => {
    const made = fillings.map((filling) => `${prefix}${filling}${suffix}`);
    return [...plain, ...made].find((candidate) => stands(candidate, prefix, suffix)) ?? [];
  });
  const named = [...exact].filter((text) => text.startsWith(start));
  const others = matchers.filter((matcher) => !isSampled(matcher));
  const examples = others.flatMap((matcher) => exampleOf(matcher)).filter((text) => text.startsWith(start));
  return {
    texts: [...new Set([...fresh, ...named, ...examples])],
    complete: others.length === 0 && fresh.length === kinds.length,
  };
}

function valuesOf(matchers: readonly StringMatcher[], kind: 'exact' | 'prefix' | 'suffix'): readonly string[] {
  return matchers.flatMap((matcher) => {
    const { matchPattern } = matcher;
    return isSampled(matcher) && matchPattern.case === kind ? [matchPattern.value] : [];
  });
}

function exampleOf({ matchPattern }: StringMatcher): readonly string[] {
  switch (matchPattern.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
    case 'contains':
      return [matchPattern.value];
    case 'safeRegex': {
      const example = patternOf(matchPattern.value.regex)?.example;
      return example === undefined ? [] : [example];
    }
    default:
      return [];
  }
}

function otherLetters(text: string): readonly string[] {
  return [...'xyzabcdefghijklmnopqrstuvw0123456789'].map((letter) => text.replaceAll('x', letter));
}
