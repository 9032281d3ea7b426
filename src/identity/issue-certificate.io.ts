/**
 * From a profile to a signed certificate: the only place where we sign X.509.
 *
 *   profile + public key + issuer ──issueCertificate──▶ PEM, validity
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type CertificateProfile, type Validity, validityOf } from './certificate-profile.ts';
import { ecdsaP256, type KeyPair } from './key-pair.io.ts';
import { encodeNameConstraints, nameConstraintsOid } from './name-constraints.ts';
import type { IdentityPorts } from './ports.ts';

export interface IssuedCertificate extends Validity {
  readonly pem: string;
}

/** Who signs: a certificate with its key. */
export interface Issuer {
  readonly certificate: IssuedCertificate;
  readonly keys: KeyPair;
}

/** Bytes of a serial number; the first bit is cleared, so the integer is positive. Source: RFC 5280 allows up to 20. */
const serialBytes = 16;

/** @param issuer null for the root, which signs itself. */
export function issueCertificate(
  profile: CertificateProfile,
  keys: KeyPair,
  issuer: Issuer | null,
  ports: IdentityPorts,
): Promise<IssuedCertificate> {
  return sign(profile, keys.publicKey, issuer, issuer?.keys ?? keys, ports);
}

/** For whoever keeps the private key. @param publicKey P-256, of which its holder has shown that it is theirs. */
export function certifyKey(
  profile: CertificateProfile,
  publicKey: KeyPair['publicKey'],
  issuer: Issuer,
  ports: IdentityPorts,
): Promise<IssuedCertificate> {
  return sign(profile, publicKey, issuer, issuer.keys, ports);
}

async function sign(
  profile: CertificateProfile,
  publicKey: KeyPair['publicKey'],
  issuer: Issuer | null,
  signing: KeyPair,
  { clock, entropy }: IdentityPorts,
): Promise<IssuedCertificate> {
  const validity = validityOf(profile.lifetimeMs, clock.nowMs(), issuer?.certificate.notAfterMs ?? Infinity);
  const subject = distinguishedName(profile);
  const signer = issuer === null ? null : await signerOf(issuer);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(entropy.bytes(serialBytes)),
      subject,
      issuer: signer?.name ?? subject,
      notBefore: new Date(validity.notBeforeMs),
      notAfter: new Date(validity.notAfterMs),
      signingAlgorithm: ecdsaP256,
      publicKey,
      signingKey: signing.privateKey,
      extensions: [
        ...extensionsOf(profile),
        await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
        signer?.keyIdentifier ?? (await authorityKeyIdentifier(signing)),
      ],
    },
    webcrypto,
  );
  return { pem: `${certificate.toString('pem')}\n`, ...validity };
}

interface Signer {
  readonly name: x509.Name;
  readonly keyIdentifier: x509.AuthorityKeyIdentifierExtension;
}

/** What all certificates by one issuer have in common, read once: about a sixth of the CPU time of 400 first leaves. */
const signers = new WeakMap<Issuer, Signer>();

async function signerOf(issuer: Issuer): Promise<Signer> {
  const known = signers.get(issuer);
  if (known !== undefined) return known;
  const { subjectName: name } = new x509.X509Certificate(issuer.certificate.pem);
  const signer = { name, keyIdentifier: await authorityKeyIdentifier(issuer.keys) };
  signers.set(issuer, signer);
  return signer;
}

function authorityKeyIdentifier({ publicKey }: KeyPair): Promise<x509.AuthorityKeyIdentifierExtension> {
  return x509.AuthorityKeyIdentifierExtension.create(publicKey, false, webcrypto);
}

function distinguishedName(profile: CertificateProfile): x509.Name {
  return new x509.Name(profile.subject.map(({ type, value }) => ({ [type]: [value] })));
}

function extensionsOf(profile: CertificateProfile): x509.Extension[] {
  const { authority, alternativeNames } = profile;
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(authority !== null, authority?.pathLength, true),
    new x509.KeyUsagesExtension(
      profile.keyUsages.reduce((flags, usage) => flags | x509.KeyUsageFlags[usage], 0),
      true,
    ),
  ];
  if (profile.extendedKeyUsages.length > 0) {
    extensions.push(
      new x509.ExtendedKeyUsageExtension(profile.extendedKeyUsages.map((usage) => x509.ExtendedKeyUsage[usage])),
    );
  }
  if (alternativeNames.length > 0) {
    // Critical where the subject is empty: RFC 5280, section 4.2.1.6.
    const critical = profile.subject.length === 0;
    extensions.push(new x509.SubjectAlternativeNameExtension([...alternativeNames], critical));
  }
  if (authority?.constraints) {
    extensions.push(new x509.Extension(nameConstraintsOid, true, encodeNameConstraints(authority.constraints)));
  }
  return extensions;
}

/** Positive, and never zero: the second highest bit is set, which leaves 126 random bits. */
function serialNumber(random: Uint8Array): string {
  const bytes = Buffer.from(random);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString('hex');
}
