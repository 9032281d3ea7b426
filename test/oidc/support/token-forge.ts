/** Makes tokens as a provider would, and as a forger would: any header, any claims, any key, any spelling of the parts. */
import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** As a provider lists it; `more` adds or hides members. */
  listed(more?: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

export function signingKey(kid: string, kind: KeyKind = 'rsa'): SigningKey {
  const privateKey = generate(kind);
  const jwk: JsonWebKey = createPublicKey(privateKey).export({ format: 'jwk' });
  return { kid, privateKey, listed: (more = {}) => ({ ...jwk, kid, use: 'sig', ...more }) };
}

export type KeyKind = 'rsa' | 'rsa-1024' | 'P-256' | 'P-384' | 'P-521' | 'secp256k1' | 'ed25519';

function generate(kind: KeyKind): KeyObject {
  switch (kind) {
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
    case 'rsa-1024':
      return generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    default:
      return generateKeyPairSync('ec', { namedCurve: kind }).privateKey;
  }
}

export function jwks(...keys: readonly Readonly<Record<string, unknown>>[]): Uint8Array {
  return Buffer.from(JSON.stringify({ keys }));
}

/** @param value written as JSON, or as it stands where it is text or bytes. */
export function part(value: unknown): string {
  const bytes = value instanceof Uint8Array || typeof value === 'string' ? value : JSON.stringify(value);
  return Buffer.from(bytes).toString('base64url');
}

/** @param alg what is really done, whatever the header says. */
export function signature(alg: string, key: KeyObject, text: string): Buffer {
  const bytes = Buffer.from(text);
  if (alg === 'EdDSA') return signBytes(null, bytes, key);
  const digest = `sha${alg.slice(2)}`;
  if (alg.startsWith('PS')) {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return signBytes(digest, bytes, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
  }
  return signBytes(digest, bytes, { key, dsaEncoding: 'ieee-p1363' });
}

export function hmac(secret: string | Buffer, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

/** A signed token. @param header `alg` says how it is signed; `kid` is the key's own unless told otherwise. */
export function token(key: SigningKey, claims: unknown, header: Readonly<Record<string, unknown>> = {}): string {
  const whole = { alg: 'RS256', kid: key.kid, typ: 'JWT', ...header };
  const text = `${part(whole)}.${part(claims)}`;
  return `${text}.${part(signature(String(whole.alg), key.privateKey, text))}`;
}
