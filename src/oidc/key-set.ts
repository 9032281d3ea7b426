/**
 * The public keys of one issuer, as its JWKS document lists them.
 *
 * A key is found by id and algorithm, and only where exactly one answers: a document cannot make us try a hundred keys
 * on one token, and a token without `kid` is verified only where there is no choice. Unknown, weak, symmetric and
 * encryption keys are passed over, as RFC 7517 section 5 asks; the private half of a key that leaked into the document
 * is not read.
 */
import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { type Algorithm, isStrong, suits } from './algorithm.ts';
import { isMap, isTextList, type Json, type JsonMap, parseStrictObject } from './strict-json.ts';

/** Most keys of one document. Source: large providers publish two to a dozen. */
export const keysMax = 64;

interface ListedKey {
  readonly id: string | undefined;
  /** Absent where the document leaves it open; then the kind of the key decides. */
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

export class KeySet {
  /** Hash of the document: two fetches of one content are one set. */
  readonly digest: string;
  readonly #keys: readonly ListedKey[];

  private constructor(digest: string, keys: readonly ListedKey[]) {
    this.digest = digest;
    this.#keys = keys;
  }

  /** @throws where the document is no JWKS; one without a usable key is believed, and verifies nothing. */
  static read(document: Uint8Array): KeySet {
    const listed = parseStrictObject(document)?.['keys'];
    if (!Array.isArray(listed)) throw new Error('the answer is no JWKS document');
    if (listed.length > keysMax) throw new Error(`the JWKS document has more than ${keysMax} keys`);
    return new KeySet(hash('sha256', document), listed.flatMap(readKey));
  }

  get size(): number {
    return this.#keys.length;
  }

  /** @returns the one key that may have signed so, or `undefined` for none and for several. */
  find(algorithm: Algorithm, id: string | undefined): KeyObject | undefined {
    const [found, ...more] = this.#keys.filter(
      (listed) =>
        (id === undefined || listed.id === id) &&
        (listed.algorithm === undefined || listed.algorithm === algorithm) &&
        suits(algorithm, listed.key),
    );
    return more.length === 0 ? found?.key : undefined;
  }
}

function readKey(listed: Json): ListedKey[] {
  if (!isMap(listed)) return [];
  const { kid, alg, use, key_ops: operations } = listed;
  if (kid !== undefined && typeof kid !== 'string') return [];
  if (alg !== undefined && typeof alg !== 'string') return [];
  if (use !== undefined && use !== 'sig') return [];
  if (operations !== undefined && !(isTextList(operations) && operations.includes('verify'))) return [];
  const key = publicKey(listed);
  return key === undefined ? [] : [{ id: kid, algorithm: alg, key }];
}

/** OpenSSL refuses a point that is not on its curve. */
function publicKey(listed: JsonMap): KeyObject | undefined {
  const { kty, n, e, crv, x, y } = listed;
  const members = Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined);
  try {
    const key = createPublicKey({ key: Object.fromEntries(members), format: 'jwk' });
    return isStrong(key) ? key : undefined;
  } catch {
    return undefined;
  }
}
