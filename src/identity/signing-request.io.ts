/** A certificate signing request (PKCS #10): of it only the key is used, and that its sender holds it. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { ecdsaP256, type KeyPair } from './key-pair.io.ts';

/** Longest request that is read, in characters: one with a P-256 key has some four hundred. */
const requestLengthMax = 8_192;

/** @param pem hostile. @returns undefined where it is no request of whoever holds its P-256 key. Never throws. */
export async function requestedKey(pem: string): Promise<KeyPair['publicKey'] | undefined> {
  if (pem.length > requestLengthMax) return undefined;
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (!(await request.verify(webcrypto))) return undefined;
    return await request.publicKey.export(ecdsaP256, ['verify'], webcrypto);
  } catch {
    return undefined;
  }
}
