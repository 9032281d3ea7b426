/** The certificates of one throw-away cluster: its authority, its API server and its people. */
import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends PemPair {
  readonly signingKey: webcrypto.CryptoKey;
  readonly subject: x509.Name;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Longer than any run of the tests, in ms. */
const lifetimeMs = 86_400_000;
/** Clocks of one machine do not differ, but a certificate of this very second is one too young for some. In ms. */
const backdatedMs = 60_000;

export async function makeAuthority(commonName: string): Promise<Authority> {
  const keys = await newKeys();
  const subject = new x509.Name([{ CN: [commonName] }]);
  const certificate = await sign(subject, keys.publicKey, subject, keys.privateKey, [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
  ]);
  return { certificate, key: await pemOf(keys.privateKey), signingKey: keys.privateKey, subject };
}

/** @param folder where its certificate and key were written as `ca.crt` and `ca.key`. */
export async function loadAuthority(folder: string): Promise<Authority> {
  const certificate = await readFile(join(folder, 'ca.crt'), 'utf8');
  const key = await readFile(join(folder, 'ca.key'), 'utf8');
  const der = x509.PemConverter.decodeFirst(key);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  return { certificate, key, signingKey, subject: new x509.X509Certificate(certificate).subjectName };
}

/**
 * @param who CN and the groups, as `O`, by which Kubernetes knows a client.
 * @param addresses of a server; without any the certificate is a client's.
 */
export async function issue(
  { signingKey, subject: issuer }: Authority,
  who: { readonly name: string; readonly groups?: readonly string[] },
  addresses: readonly string[] = [],
): Promise<PemPair> {
  const keys = await newKeys();
  const subject = new x509.Name([...(who.groups ?? []).map((group) => ({ O: [group] })), { CN: [who.name] }]);
  const usages = addresses.length > 0 ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const certificate = await sign(subject, keys.publicKey, issuer, signingKey, [
    new x509.ExtendedKeyUsageExtension([usages]),
    ...(addresses.length > 0
      ? [new x509.SubjectAlternativeNameExtension(addresses.map((value) => ({ type: 'ip' as const, value })))]
      : []),
  ]);
  return { certificate, key: await pemOf(keys.privateKey) };
}

/** RSA, by which an API server signs the tokens of service accounts. */
export function makeTokenKeys(): { readonly publicKey: string; readonly privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
}

async function sign(
  subject: x509.Name,
  publicKey: webcrypto.CryptoKey,
  issuer: x509.Name,
  signingKey: webcrypto.CryptoKey,
  extensions: x509.Extension[],
): Promise<string> {
  const nowMs = Date.now();
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: randomBytes(8).toString('hex').replace(/^./, '4'),
      subject,
      issuer,
      notBefore: new Date(nowMs - backdatedMs),
      notAfter: new Date(nowMs + lifetimeMs),
      signingAlgorithm: algorithm,
      publicKey,
      signingKey,
      extensions,
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
