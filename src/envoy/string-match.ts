/** Exact and prefix string matchers: the only two ways in which we let Envoy compare names. */
import { create } from '@bufbuild/protobuf';
import { type StringMatcher, StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js';

export type StringMatch = StringMatcher;

export function exact(value: string): StringMatch {
  return create(StringMatcherSchema, { matchPattern: { case: 'exact', value } });
}

export function prefix(value: string): StringMatch {
  return create(StringMatcherSchema, { matchPattern: { case: 'prefix', value } });
}
