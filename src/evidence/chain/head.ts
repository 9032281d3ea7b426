/**
 * A signed head: the replica's word that its chain had this link at this position.
 *
 *   head  "coffre-head-1\n" replica \n position \n link \n time      one for each commit
 *   base  "coffre-base-1\n" the same                                 where a chain begins whose oldest part is gone
 *
 * A base has a signature of its own kind: with an old head in its place, whoever can write the file could cut off the
 * beginning. The short form, `replica:position:link`, is what a witness keeps: a sink, a report, a person.
 */
import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import type { SignedHead } from '../store.ts';

export type HeadUse = 'head' | 'base';

export type ExpectedHead = Pick<SignedHead, 'replica' | 'position' | 'hash'>;

export function signHead(key: KeyObject, use: HeadUse, head: Omit<SignedHead, 'signature'>): SignedHead {
  return { ...head, signature: sign(null, signedBytes(use, head), key).toString('base64') };
}

export function headIsSigned(publicKey: KeyObject, use: HeadUse, head: SignedHead): boolean {
  const signature = Buffer.from(head.signature, 'base64');
  // One spelling only: base64 has several for the same bytes, and an altered byte is to be found.
  return signature.toString('base64') === head.signature && verify(null, signedBytes(use, head), publicKey, signature);
}

function signedBytes(use: HeadUse, { replica, position, hash: link, atMs }: Omit<SignedHead, 'signature'>): Buffer {
  return Buffer.from([`coffre-${use}-1`, replica, position, link, atMs].join('\n'));
}

export function headText({ replica, position, hash: link }: ExpectedHead): string {
  return `${replica}:${position}:${link}`;
}

/** @param text `replica:position:link`. @returns undefined where it is none. */
export function parseHead(text: string): ExpectedHead | undefined {
  const [, replica, position, link] = /^([^:\s]{1,253}):(\d{1,15}):([0-9a-f]{64})$/.exec(text.trim()) ?? [];
  if (replica === undefined || position === undefined || link === undefined) return undefined;
  return { replica, position: Number(position), hash: link };
}

/** @throws where the text holds no Ed25519 public key. */
export function publicKeyOf(pem: string): KeyObject {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new Error(`the public key is of type \`${key.asymmetricKeyType}\` and must be ed25519`);
  }
  return key;
}

/** SHA-256 over the key's DER form, hexadecimal: what two people compare. */
export function fingerprintOf(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'hex');
}
