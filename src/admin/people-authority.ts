/**
 * Issues certificates to people, from a CA that vouches for nobody else.
 *
 *   root ─▶ people's intermediate (people.sealed) ─▶ leaf spiffe://…/people/…
 *
 * The management door accepts this intermediate as its only anchor and sidecars accept tenants' intermediates as
 * theirs, so a workload's certificate fails the handshake here, and a person's fails it there, before a name is read.
 * There is no revocation list: a person's certificate is short, and its end is checked with every request.
 */
import { type CertificateProfile, intermediateLifetimeMs } from '../identity/certificate-profile.ts';
import { certifyKey, issueCertificate } from '../identity/issue-certificate.io.ts';
import { ensureIntermediate, readIssuer } from '../identity/issuer-store.io.ts';
import { generateKeyPair } from '../identity/key-pair.io.ts';
import type { Leaf } from '../identity/leaf.ts';
import type { IdentityPorts } from '../identity/ports.ts';
import type { SharedRecords } from '../identity/shared-records.ts';
import { StateError } from '../identity/state-error.ts';
import { StateFolder } from '../identity/state-folder.io.ts';
import { systemPorts } from '../identity/system-ports.io.ts';
import { formatPerson, type Person } from './person.ts';

/** Life of a person's certificate unless told otherwise, in ms: a working day. */
export const personLifetimeMs = 12 * 3_600_000;
/** Longest life, in ms: thirty days. */
export const personLifetimeMsMax = 30 * 86_400_000;

export interface PeopleAuthorityOptions {
  readonly stateFolder: string;
  readonly keyFile?: string;
  /** Where the mesh's root lies, for all replicas; absent: in the state folder. */
  readonly records?: SharedRecords;
  readonly ports?: IdentityPorts;
}

export interface PeopleAuthority {
  readonly trustDomain: string;
  readonly rootPem: string;
  /** The only anchor for certificates of people. */
  readonly anchorPem: string;
  issue(person: Omit<Person, 'trustDomain'>, lifetimeMs: number): Promise<Leaf>;
  /** For whoever keeps the private key. @returns the certificate and its chain, as PEM. */
  certify(
    person: Omit<Person, 'trustDomain'>,
    publicKey: Parameters<typeof certifyKey>[1],
    lifetimeMs: number,
  ): Promise<string>;
}

/** @throws StateError where the state folder holds no mesh yet, or is damaged. */
export async function openPeopleAuthority(options: PeopleAuthorityOptions): Promise<PeopleAuthority> {
  const { stateFolder, keyFile, ports = systemPorts } = options;
  const state = options.records ?? (await StateFolder.open(stateFolder, keyFile, ports.entropy));
  const root = await readIssuer(state, 'root');
  const mesh = (await state.read('mesh')) as { readonly trustDomain: string } | undefined;
  if (root === undefined || mesh === undefined) {
    throw new StateError('record-missing', state.path, 'holds no mesh yet; start the control plane on it once');
  }
  const { trustDomain } = mesh;
  const profile = peopleIntermediateProfile(trustDomain);
  const issuer = await ensureIntermediate(state, 'people', profile, root, ports, undefined);
  return {
    trustDomain,
    rootPem: root.certificate.pem,
    anchorPem: issuer.certificate.pem,
    async issue(person, lifetimeMs) {
      const keys = await generateKeyPair();
      const leafProfile = personProfile(formatPerson({ ...person, trustDomain }), lifetimeMs);
      const { pem, notBeforeMs, notAfterMs } = await issueCertificate(leafProfile, keys, issuer, ports);
      const certificateChainPem = pem + issuer.certificate.pem;
      return { certificateChainPem, privateKeyPem: keys.privateKeyPem, notBeforeMs, notAfterMs };
    },
    async certify(person, publicKey, lifetimeMs) {
      const leafProfile = personProfile(formatPerson({ ...person, trustDomain }), lifetimeMs);
      return (await certifyKey(leafProfile, publicKey, issuer, ports)).pem + issuer.certificate.pem;
    },
  };
}

function peopleIntermediateProfile(trustDomain: string): CertificateProfile {
  return {
    subject: [
      { type: 'O', value: 'Coffre' },
      { type: 'OU', value: 'people' },
      { type: 'CN', value: 'people' },
    ],
    authority: {
      pathLength: 0,
      constraints: {
        permitted: [{ kind: 'uri', host: trustDomain }],
        excluded: [
          { kind: 'dns', base: '' },
          { kind: 'email', base: '' },
          { kind: 'every-ip', family: 4 },
          { kind: 'every-ip', family: 6 },
        ],
      },
    },
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    alternativeNames: [],
    lifetimeMs: intermediateLifetimeMs,
  };
}

/** For clients only: nobody can serve with it. */
function personProfile(uri: string, lifetimeMs: number): CertificateProfile {
  return {
    subject: [],
    authority: null,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['clientAuth'],
    alternativeNames: [{ type: 'url', value: uri }],
    lifetimeMs,
  };
}
