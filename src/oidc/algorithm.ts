/**
 * The signature algorithms that are allowed, each with the only kind of key it may be used with.
 *
 * `none` and the HMAC family are not here, so neither an unsigned token nor one "signed" with a public key as if it
 * were a secret has a way in. The key decides as well: a P-256 key verifies ES256 and nothing else.
 * Source: RFC 7518 section 3, RFC 8037; sizes of keys: NIST SP 800-131A (RSA of 2,048 bits at least).
 */
import { constants, type KeyObject, verify } from 'node:crypto';

export type Algorithm = keyof typeof algorithms;

/** Smallest and largest RSA modulus, in bits: below it is breakable, above it costs a millisecond a token. */
const rsaBitsMin = 2_048;
const rsaBitsMax = 8_192;

type KeyNeeded =
  | { readonly type: 'rsa' }
  /** `length` of a signature r‖s, in bytes: DER, which has several spellings of one signature, is not taken. */
  | { readonly type: 'ec'; readonly curve: string; readonly length: number }
  | { readonly type: 'ed25519'; readonly length: number };

interface Rules {
  readonly hash: string | null;
  readonly key: KeyNeeded;
  readonly pss?: true;
}

const rsa: KeyNeeded = { type: 'rsa' };

const algorithms = {
  RS256: { hash: 'sha256', key: rsa },
  RS384: { hash: 'sha384', key: rsa },
  RS512: { hash: 'sha512', key: rsa },
  PS256: { hash: 'sha256', key: rsa, pss: true },
  PS384: { hash: 'sha384', key: rsa, pss: true },
  PS512: { hash: 'sha512', key: rsa, pss: true },
  ES256: { hash: 'sha256', key: { type: 'ec', curve: 'prime256v1', length: 64 } },
  ES384: { hash: 'sha384', key: { type: 'ec', curve: 'secp384r1', length: 96 } },
  ES512: { hash: 'sha512', key: { type: 'ec', curve: 'secp521r1', length: 132 } },
  EdDSA: { hash: null, key: { type: 'ed25519', length: 64 } },
} as const satisfies Readonly<Record<string, Rules>>;

export function algorithmOf(name: unknown): Algorithm | undefined {
  return isAlgorithm(name) ? name : undefined;
}

function isAlgorithm(name: unknown): name is Algorithm {
  return typeof name === 'string' && Object.hasOwn(algorithms, name);
}

/** @returns true where the key is of the algorithm's kind and strong enough. */
export function suits(algorithm: Algorithm, key: KeyObject): boolean {
  const { key: needed }: Rules = algorithms[algorithm];
  if (key.asymmetricKeyType !== needed.type) return false;
  const { modulusLength = 0, publicExponent = 0n, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (needed.type) {
    case 'rsa':
      return modulusLength >= rsaBitsMin && modulusLength <= rsaBitsMax && publicExponent >= 3n;
    case 'ec':
      return namedCurve === needed.curve;
    case 'ed25519':
      return true;
  }
}

export function isStrong(key: KeyObject): boolean {
  return Object.keys(algorithms).some((name) => isAlgorithm(name) && suits(name, key));
}

/** @param key one that suits the algorithm. Never throws: what cannot be checked is not signed. */
export function isSigned(algorithm: Algorithm, key: KeyObject, text: string, signature: Uint8Array): boolean {
  const { hash, key: needed, pss }: Rules = algorithms[algorithm];
  if (needed.type !== 'rsa' && signature.length !== needed.length) return false;
  const padding =
    pss === true ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  try {
    return verify(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363', ...padding }, signature);
  } catch {
    return false;
  }
}
