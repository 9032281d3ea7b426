/**
 * Sealing: AES-256-GCM around everything the state folder holds.
 *
 *   plain ──seal(key, place)──▶ magic | nonce 12 | tag 16 | ciphertext ──unseal(key, place)──▶ plain | null
 *
 * `place` is the record's path and is authenticated with it, so that one tenant's record put in another's place is as
 * damaged as one with a flipped byte.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import type { Entropy } from './ports.ts';

/** First bytes of a sealed file, for people and for the next version. */
const magic = Buffer.from('coffre-sealed-1\n');

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

export function seal(key: KeyObject, place: string, plain: string, entropy: Entropy): Buffer {
  const nonce = entropy.bytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(place));
  const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return Buffer.concat([magic, nonce, cipher.getAuthTag(), ciphertext]);
}

/** @returns null where a byte, the key or the place is not what was sealed. */
export function unseal(key: KeyObject, place: string, sealed: Buffer): string | null {
  const body = sealed.subarray(magic.length);
  if (!sealed.subarray(0, magic.length).equals(magic) || body.length < nonceBytes + tagBytes) return null;
  const nonce = body.subarray(0, nonceBytes);
  const tag = body.subarray(nonceBytes, nonceBytes + tagBytes);
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(place)).setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(body.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
  } catch {
    return null; // the tag does not match; Node says no more than that
  }
}
