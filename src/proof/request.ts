/** What a caller sends: the example by which a path is shown, and one of the samples by which its absence is. */
import type { HeaderMatcher } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { StringMatcher } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { type Certainty, not, whether } from './certainty.ts';
import { hasUnknownFields } from './held-resources.ts';
import { type Grasp, matchesText, plainMatcher } from './text-match.ts';

export interface ExampleRequest {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly host: string;
  /** Beside those, by name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Written or taken away by the sidecars themselves, or made of several parts: no caller chooses these. */
const notTheCallers = /^(?:x-forwarded-|x-envoy-|x-coffre-|x-request-id$|:scheme$|:protocol$|:path$)/;

export function isTheCallers(header: string): boolean {
  return !notTheCallers.test(header.toLowerCase());
}

/** @param request absent on an opaque connection, where there is no header. */
export function matchesHeader(matcher: HeaderMatcher, request: ExampleRequest | undefined, grasp: Grasp): Certainty {
  const bare = matchesValue(matcher, request, grasp);
  return matcher.invertMatch ? not(bare) : bare;
}

function matchesValue(matcher: HeaderMatcher, request: ExampleRequest | undefined, grasp: Grasp): Certainty {
  if (request === undefined) return 'no';
  if (grasp === 'nothing' || !isTheCallers(matcher.name) || hasUnknownFields(matcher)) return 'maybe';
  const held = headerOf(request, matcher.name.toLowerCase());
  const { headerMatchSpecifier: wanted } = matcher;
  if (wanted.case === 'presentMatch') return whether((held !== undefined) === wanted.value);
  const value = held ?? (matcher.treatMissingHeaderAsEmpty ? '' : undefined);
  if (value === undefined) return 'no';
  const text = textMatcherOf(matcher);
  return text === undefined ? 'maybe' : matchesText(text, value, grasp);
}

export function headerOf({ method, host, headers }: ExampleRequest, name: string): string | undefined {
  if (name === ':method') return method;
  if (name === ':authority' || name === 'host') return host;
  return headers.get(name);
}

/** What a header matcher compares the value with; nothing where it asks for presence only, or is not understood. */
export function textMatcherOf({ headerMatchSpecifier: wanted }: HeaderMatcher): StringMatcher | undefined {
  switch (wanted.case) {
    case 'stringMatch':
      return wanted.value;
    case 'exactMatch':
      return plainMatcher({ case: 'exact', value: wanted.value });
    case 'prefixMatch':
      return plainMatcher({ case: 'prefix', value: wanted.value });
    case 'suffixMatch':
      return plainMatcher({ case: 'suffix', value: wanted.value });
    case 'containsMatch':
      return plainMatcher({ case: 'contains', value: wanted.value });
    case 'safeRegexMatch':
      return plainMatcher({ case: 'safeRegex', value: wanted.value });
    default:
      return undefined;
  }
}
