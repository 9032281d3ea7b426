/** Requests for a certificate: whose key is taken, and whose is not. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { describe, expect, test } from 'vitest';
import { requestedKey } from '../../src/identity/signing-request.io.ts';

async function requestOf(namedCurve: string): Promise<x509.Pkcs10CertificateRequest> {
  const algorithm = { name: 'ECDSA', namedCurve, hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const parts = { name: 'CN=somebody', keys, signingAlgorithm: algorithm };
  return x509.Pkcs10CertificateRequestGenerator.create(parts, webcrypto);
}

describe('a request for a certificate', () => {
  test('gives the key of whoever signed it', async () => {
    const request = await requestOf('P-256');
    const key = await requestedKey(request.toString('pem'));
    expect(key?.algorithm).toEqual({ name: 'ECDSA', namedCurve: 'P-256' });
    if (key === undefined) throw new Error('no key');
    const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', key));
    expect(spki.equals(Buffer.from(request.publicKey.rawData))).toBe(true);
  });

  test('gives none where its signature is not its key’s', async () => {
    const der = Buffer.from((await requestOf('P-256')).rawData);
    der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
    expect(await requestedKey(x509.PemConverter.encode(der, 'CERTIFICATE REQUEST'))).toBeUndefined();
  });

  test('gives none of another curve', async () => {
    expect(await requestedKey((await requestOf('P-384')).toString('pem'))).toBeUndefined();
  });

  test.each([
    '',
    'x',
    '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----',
    'A'.repeat(1_000_000),
  ])('is none where it is something else', async (text) => {
    expect(await requestedKey(text)).toBeUndefined();
  });
});
