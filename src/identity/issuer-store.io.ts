/**
 * Certificates that sign, with their keys, in the state.
 *
 *   read ─▶ there is one ─▶ past half life? a new certificate over the same key
 *       └▶ there is none ─▶ a new key, saved before it signs anything
 *
 * Renewing keeps name and key, so a peer that still holds the older anchor verifies what the newer one signs. This is
 * for the CA of the control plane; a tenant's is replaced, key and all: tenant-ca-store.io.ts.
 */
import { X509Certificate } from 'node:crypto';
import type { CertificateProfile } from './certificate-profile.ts';
import { type IssuedCertificate, type Issuer, issueCertificate } from './issue-certificate.io.ts';
import { generateKeyPair, readKeyPair } from './key-pair.io.ts';
import type { IdentityPorts } from './ports.ts';
import { Redacted } from './redacted.ts';
import { isDue } from './renewal-schedule.ts';
import type { SharedRecords } from './shared-records.ts';

/** @throws StateError where the record cannot be trusted. */
export async function readIssuer(state: SharedRecords, name: string): Promise<Issuer | undefined> {
  const record = await state.read(name);
  return record === undefined ? undefined : issuerFrom(record);
}

/** The seal vouches for the content; the check fails plainly for a record of another version. */
export async function issuerFrom(record: unknown): Promise<Issuer> {
  const { certificatePem, privateKeyPem } = record as Partial<IssuerRecord>;
  if (typeof certificatePem !== 'string' || typeof privateKeyPem !== 'string') {
    throw new TypeError('a sealed issuer record lacks its certificate or its key');
  }
  return { certificate: readCertificate(certificatePem), keys: await readKeyPair(new Redacted(privateKeyPem)) };
}

/** @param parent null for a root. Where another process creates the same one at the same time, both get the winner's. */
export async function createIssuer(
  state: SharedRecords,
  name: string,
  profile: CertificateProfile,
  parent: Issuer | null,
  ports: IdentityPorts,
): Promise<Issuer> {
  const keys = await generateKeyPair();
  const certificate = await issueCertificate(profile, keys, parent, ports);
  await state.create(name, issuerRecord({ certificate, keys }));
  return (await readIssuer(state, name)) ?? { certificate, keys };
}

/** Reads, creates or renews an intermediate. */
export async function ensureIntermediate(
  state: SharedRecords,
  name: string,
  profile: CertificateProfile,
  root: Issuer,
  ports: IdentityPorts,
  held: Issuer | undefined,
): Promise<Issuer> {
  const issuer = held ?? (await readIssuer(state, name)) ?? (await createIssuer(state, name, profile, root, ports));
  const { notAfterMs } = root.certificate;
  if (!isDue(name, issuer.certificate, profile.lifetimeMs, ports.clock.nowMs(), notAfterMs)) return issuer;
  const certificate = await issueCertificate(profile, issuer.keys, root, ports);
  const renewed = { certificate, keys: issuer.keys };
  if (await state.replace(name, issuerRecord(renewed))) return renewed;
  // Another replica was there first: over the same key, so that either certificate is as good.
  return (await readIssuer(state, name)) ?? issuer;
}

export function readCertificate(pem: string): IssuedCertificate {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return { pem, notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() };
}

/** The one that is held, where it is the same: leaves know their issuer by its very key. */
export function keptIssuer(held: readonly Issuer[], read: Issuer): Issuer {
  return held.find(({ certificate }) => certificate.pem === read.certificate.pem) ?? read;
}

export interface IssuerRecord {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export function issuerRecord({ certificate, keys }: Issuer): IssuerRecord {
  return { certificatePem: certificate.pem, privateKeyPem: keys.privateKeyPem.reveal() };
}
