/** Envoy's string matchers: whether a text matches, and whether a few texts can stand for all (see sample-texts.ts). */
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { type Certainty, whether } from './certainty.ts';
import { hasUnknownFields } from './held-resources.ts';
import { patternOf } from './pattern.ts';

/**
 * How much of a request is looked at.
 * `exact`: all of it, for this very request. `understood`: only what the sample requests stand for, so that what holds of
 * them holds of every request. `nothing`: it may be any request.
 */
export type Grasp = 'exact' | 'understood' | 'nothing';

export function matchesText(matcher: StringMatcher | undefined, text: string, grasp: Grasp): Certainty {
  if (matcher === undefined || grasp === 'nothing') return 'maybe';
  if (!isSampled(matcher) && grasp === 'understood') return 'maybe';
  const { matchPattern, ignoreCase } = matcher;
  const fold = (value: string) => (ignoreCase ? value.toLowerCase() : value);
  switch (matchPattern.case) {
    case 'exact':
      return whether(fold(text) === fold(matchPattern.value));
    case 'prefix':
      return whether(fold(text).startsWith(fold(matchPattern.value)));
    case 'suffix':
      return whether(fold(text).endsWith(fold(matchPattern.value)));
    case 'contains':
      return whether(fold(text).includes(fold(matchPattern.value)));
    case 'safeRegex': {
      const pattern = patternOf(matchPattern.value.regex);
      const matched = ignoreCase ? undefined : pattern?.matches(text);
      return matched === undefined ? 'maybe' : whether(matched);
    }
    default:
      return 'maybe';
  }
}

/** The sample texts hold one of each kind that such matchers can tell apart. */
export function isSampled(matcher: StringMatcher): boolean {
  const kind = matcher.matchPattern.case;
  return (
    !matcher.ignoreCase && !hasUnknownFields(matcher) && (kind === 'exact' || kind === 'prefix' || kind === 'suffix')
  );
}

export function plainMatcher(matchPattern: StringMatcher['matchPattern']): StringMatcher {
  return { $typeName: 'envoy.type.matcher.v3.StringMatcher', matchPattern, ignoreCase: false };
}
