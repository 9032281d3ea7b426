/** P-256 key pairs: made, written as PKCS #8 text, and read back as a key that cannot be exported again. */
import { createPublicKey, type webcrypto as crypto, webcrypto } from 'node:crypto';
import { Redacted } from './redacted.ts';

export const ecdsaP256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface KeyPair {
  /** Not extractable where it was read back from the state folder. */
  readonly privateKey: crypto.CryptoKey;
  readonly publicKey: crypto.CryptoKey;
  readonly privateKeyPem: Redacted;
}

export async function generateKeyPair(): Promise<KeyPair> {
  const pair = await webcrypto.subtle.generateKey(ecdsaP256, true, ['sign', 'verify']);
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return { ...pair, privateKeyPem: new Redacted(`${pemHeader}\n${lines.join('\n')}\n${pemFooter}\n`) };
}

/** @throws where the text is no P-256 key; the text itself is never part of the error. */
export async function readKeyPair(privateKeyPem: Redacted): Promise<KeyPair> {
  const pem = privateKeyPem.reveal();
  const der = Buffer.from(pem.replace(pemHeader, '').replace(pemFooter, ''), 'base64');
  const spki = createPublicKey(pem).export({ type: 'spki', format: 'der' });
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', der, ecdsaP256, false, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, ecdsaP256, true, ['verify']),
    privateKeyPem,
  };
}

const pemHeader = '-----BEGIN PRIVATE KEY-----';
const pemFooter = '-----END PRIVATE KEY-----';
