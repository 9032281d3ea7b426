/**
 * What a token says, once its signature is known to be the provider's: whether it is for us, and who bears it.
 *
 *   claims ──audience──▶ ──kind of token──▶ ──the preset's pin──▶ ──groups──▶ valid | why not
 *
 * A claim that is missing or of a wrong shape is never read as "any". Groups that a provider holds back because they
 * are too many are not read as "none", since a rule that denies a group would let its members through: they are told as
 * untold, and whoever asks for them must refuse.
 * Source: OpenID Connect Core 1.0 section 3.1.3.7, RFC 9068 section 4, RFC 8725.
 */
import type { CompactToken } from './compact-token.ts';
import type { IdentityProvider } from './identity-provider.ts';
import { groupsClaimOf, presetObjection } from './preset-rules.ts';
import { isMap, isTextList, type Json, type JsonMap } from './strict-json.ts';
import { invalid, type TokenVerdict, type Untold } from './token-verdict.ts';

/** Most audiences of one token. */
const audiencesMax = 32;

/** Longest subject, in characters. Source: OpenID Connect Core 1.0 section 2. */
const subjectLengthMax = 255;

/** Time is not looked at here, so that a verdict stays true until the token ends. */
export function judgeClaims(token: CompactToken, provider: IdentityProvider): TokenVerdict {
  const { claims } = token;
  const why = audienceObjection(claims['aud'], provider) ?? kindObjection(claims) ?? presetObjection(token, provider);
  if (why !== undefined) return invalid(why);
  const { iss, sub, exp } = claims;
  if (typeof sub !== 'string' || sub === '' || sub.length > subjectLengthMax) return invalid('the token has no `sub`');
  if (typeof iss !== 'string' || typeof exp !== 'number') return invalid('the token has no `iss` or no `exp`');
  const groupsClaim = groupsClaimOf(provider);
  const untold = untoldIn(claims, groupsClaim, provider);
  const groups = untold?.groups === true ? [] : readGroups(claims, groupsClaim);
  if (groups === undefined) return invalid('the claim that holds the groups is no list of texts');
  return {
    kind: 'valid',
    provider: provider.name,
    issuer: iss,
    subject: sub,
    claims,
    groups,
    ...(untold === undefined ? {} : { untold }),
    expiresAtMs: exp * 1_000,
  };
}

/**
 * One audience must be ours, and every other one ours too or the issuer's own (Auth0 adds its userinfo endpoint):
 * a token that is also for a stranger is one that the stranger holds and could present here.
 */
function audienceObjection(aud: Json | undefined, { issuer, audiences }: IdentityProvider): string | undefined {
  const named = typeof aud === 'string' ? [aud] : aud;
  if (!isTextList(named) || named.length > audiencesMax) return 'the token has no `aud`, or one that is no text';
  if (!named.some((audience) => audiences.includes(audience))) return 'the token is for another audience';
  const ofIssuer = issuer.endsWith('/') ? issuer : `${issuer}/`;
  const isKnown = (audience: string) => audiences.includes(audience) || audience.startsWith(ofIssuer);
  return named.every(isKnown) ? undefined : 'the token is for an audience beside ours that nobody here knows';
}

/** A logout token is signed like an ID token, and a bound token is stolen goods without the proof of its key. */
function kindObjection(claims: JsonMap): string | undefined {
  if (Object.hasOwn(claims, 'events')) return 'the token is a logout or security event, not one that a person bears';
  return Object.hasOwn(claims, 'cnf')
    ? 'the token is bound to a key (`cnf`), which cannot be proven behind a proxy'
    : undefined;
}

/**
 * `_claim_names` is the standard's way to say that a claim is elsewhere, which Entra takes for groups beyond 200;
 * `hasgroups` is what it says instead in a token that travels in a URL. Source: OpenID Connect Core 1.0 section 5.6.2.
 */
function untoldIn(claims: JsonMap, groupsClaim: string | undefined, { preset }: IdentityProvider): Untold | undefined {
  const { _claim_names: elsewhere, hasgroups } = claims;
  const named = isMap(elsewhere) ? Object.keys(elsewhere) : [];
  const all = [...new Set([...named, ...(hasgroups === true ? ['groups'] : [])])];
  if (all.length === 0) return undefined;
  const groups = groupsClaim !== undefined && all.includes(groupsClaim);
  const tooMany = `the groups were not in the token: overage, they are more than it holds; ${preset === 'entra' ? entraAdvice : advice}`;
  return {
    groups,
    claims: all,
    why: groups ? tooMany : 'what it asks for is not in the token: the provider says it elsewhere',
  };
}

const advice = 'let the provider send fewer, or name a claim with roles in `groupsClaim`';
/** Source: Microsoft, "Configure group claims and app roles in tokens". */
const entraAdvice =
  'let Entra send only groups assigned to the application, or roles by `groupsClaim: roles` (learn.microsoft.com/security/zero-trust/develop/configure-tokens-group-claims-app-roles)';

/** @returns undefined where the claim is of another shape. */
function readGroups(claims: JsonMap, name: string | undefined): readonly string[] | undefined {
  const groups = name !== undefined && Object.hasOwn(claims, name) ? claims[name] : [];
  if (typeof groups === 'string') return [groups];
  return isTextList(groups) ? groups : undefined;
}
