/** Whether a valid token says what a rule asks of it. */
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { ClaimMatch, TokenMatch } from '../model/snapshot.ts';
import type { TokenFacts } from './token.ts';

export type ValidToken = Extract<TokenFacts, { kind: 'valid' }>;

export function matchesToken({ provider, groups, claims }: TokenMatch, token: ValidToken): boolean {
  if (provider !== undefined && provider !== token.provider) return false;
  if (groups.length > 0 && !groups.some((group) => token.groups.includes(group))) return false;
  return claims.every((claim) => matchesClaim(claim, token.claims));
}

/** Whether it would match, if what the token leaves untold were what the rule asks for. */
export function asksUntold(wanted: TokenMatch, token: ValidToken): boolean {
  const { untold } = token;
  if (untold === undefined) return false;
  const groups = untold.groups ? [] : wanted.groups;
  const claims = wanted.claims.filter(({ path: [name = ''] }) => !untold.claims.includes(name));
  return matchesToken({ ...wanted, groups, claims }, token);
}

function matchesClaim({ path, values }: ClaimMatch, claims: JsonObject): boolean {
  let found: JsonValue | undefined = claims;
  for (const name of path) found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  const candidates = Array.isArray(found) ? found : [found];
  return candidates.some((each) => each !== null && typeof each !== 'object' && values.includes(String(each ?? '')));
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
