/**
 * A token in the compact form `header.claims.signature`, taken apart and not believed yet.
 *
 *   text ──▶ three parts ──strict base64url──▶ bytes ──strict JSON──▶ header, claims
 *
 * What the header says of itself is a wish of whoever wrote it: it may name a key (`kid`) and an algorithm that is on
 * our list, and nothing else that matters. A key brought along or pointed at (`jwk`, `jku`, `x5c`, `x5u`), an extension
 * that must be understood (`crit`) or a token inside (`cty`) ends the reading.
 * Forms: RFC 7515 (JWS) section 7.1, RFC 8725 (best current practice).
 */
import { type Algorithm, algorithmOf } from './algorithm.ts';
import { type JsonMap, parseStrictObject } from './strict-json.ts';
import { type InvalidToken, invalid } from './token-verdict.ts';

/** Header members that bring a key or demand what we do not do. */
const refusedMembers = ['jwk', 'jku', 'x5c', 'x5u', 'crit', 'b64', 'cty', 'zip', 'enc'];

/**
 * Media types of tokens for us, in lower case; another one (`logout+jwt`, `secevent+jwt`, `dpop+jwt`, Okta's internal
 * access tokens) was signed by the same key for another purpose. Source: RFC 8725 section 3.11, RFC 9068 section 2.1.
 */
const types = new Set(['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt']);

export interface CompactToken {
  readonly kind: 'token';
  readonly algorithm: Algorithm;
  /** A key in a map and nothing more: never part of a path, a query or an address. */
  readonly keyId: string | undefined;
  /** True for `at+jwt`: an access token, by its own word. */
  readonly saysAccess: boolean;
  readonly header: JsonMap;
  readonly claims: JsonMap;
  /** What the signature is over. */
  readonly signedText: string;
  readonly signature: Uint8Array;
}

/** @param text what stood behind `Bearer`, not too long: hostile. Never throws. */
export function readCompactToken(text: string): CompactToken | InvalidToken {
  const [first, second, third, ...more] = text.split('.');
  if (first === undefined || second === undefined || third === undefined || more.length > 0) {
    return invalid('the token is opaque or encrypted: it has not the three parts of a signed one');
  }
  const headerBytes = decode(first);
  const claimBytes = decode(second);
  const signature = decode(third);
  if (headerBytes === undefined || claimBytes === undefined || signature === undefined) {
    return invalid('a part of the token is empty or not base64url');
  }
  const header = parseStrictObject(headerBytes);
  const claims = parseStrictObject(claimBytes);
  if (header === undefined || claims === undefined) {
    return invalid('header or claims are no JSON object that can be read in one way only');
  }
  const refused = refusedMembers.find((member) => Object.hasOwn(header, member));
  if (refused !== undefined) return invalid(`the header has \`${refused}\`, which is never followed`);
  const { alg, kid, typ } = header;
  const algorithm = algorithmOf(alg);
  if (algorithm === undefined) return invalid('the algorithm of the token is not an asymmetric one that is allowed');
  if (kid !== undefined && typeof kid !== 'string') return invalid('the key id of the token is no text');
  const type = typeof typ === 'string' ? typ.toLowerCase() : typ;
  if (type !== undefined && !(typeof type === 'string' && types.has(type))) {
    return invalid('the token is of another type than an ID or access token');
  }
  const saysAccess = type === 'at+jwt' || type === 'application/at+jwt';
  return {
    kind: 'token',
    algorithm,
    keyId: kid,
    saysAccess,
    header,
    claims,
    signedText: `${first}.${second}`,
    signature,
  };
}

/** @returns `undefined` for padding, foreign characters, stray bits in the last one, and nothing at all. */
function decode(part: string): Uint8Array | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return part !== '' && bytes.toString('base64url') === part ? bytes : undefined;
}
