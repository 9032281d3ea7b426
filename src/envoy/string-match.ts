/** String matchers: the only ways in which we let Envoy compare texts. */
import { create } from '@bufbuild/protobuf';
import { type StringMatcher, StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js';

export type StringMatch = StringMatcher;

export function exact(value: string): StringMatch {
  return create(StringMatcherSchema, { matchPattern: { case: 'exact', value } });
}

export function prefix(value: string): StringMatch {
  return create(StringMatcherSchema, { matchPattern: { case: 'prefix', value } });
}

export function suffix(value: string): StringMatch {
  return create(StringMatcherSchema, { matchPattern: { case: 'suffix', value } });
}

export function contains(value: string): StringMatch {
  return create(StringMatcherSchema, { matchPattern: { case: 'contains', value } });
}

/** RE2, which matches the whole text. */
export function regex(value: string): StringMatch {
  return create(StringMatcherSchema, { matchPattern: { case: 'safeRegex', value: { regex: value } } });
}
