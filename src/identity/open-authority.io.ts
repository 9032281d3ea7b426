/**
 * Opens the certificate authority: makes it on the first start, and on every later one finds it whole or refuses.
 *
 *   seal.key ─▶ root ─▶ mesh (trust domain, token key) ─▶ intermediates, leaves        made in this order, and only so:
 *
 * a record that is missing while a later one exists was lost, not "not made yet", and losing a root must be loud.
 */
import type { Authority } from './authority.ts';
import { defaultServerDnsName } from './authority.ts';
import { rootProfile } from './certificate-profile.ts';
import type { Issuer } from './issue-certificate.io.ts';
import { createIssuer, readIssuer } from './issuer-store.io.ts';
import { generateKeyPair, type KeyPair, readKeyPair } from './key-pair.io.ts';
import type { IdentityPorts } from './ports.ts';
import { Redacted } from './redacted.ts';
import type { SharedRecords } from './shared-records.ts';
import { StateError } from './state-error.ts';
import { StateFolder } from './state-folder.io.ts';
import { StoredAuthority } from './stored-authority.io.ts';
import { createTokenIssuer } from './token-issuer.io.ts';

export interface AuthorityOptions {
  /** Where what the mesh has one of lies, for all replicas; absent: in the state folder, with the leaves. */
  readonly records?: SharedRecords;
  /** Whether it is up to this replica to begin rotations that are due; absent: it is. */
  readonly leads?: () => boolean;
  readonly stateFolder: string;
  /** The sealing key, kept outside the state folder; absent: `seal.key` in it. */
  readonly keyFile?: string;
  readonly trustDomain: string;
  /** Names for which the control plane serves; default `coffre.mesh.coffre`. */
  readonly serverDnsNames?: readonly string[];
  readonly ports: IdentityPorts;
}

/** @throws StateError where the state is damaged, incomplete, or of another trust domain. */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { stateFolder, keyFile, trustDomain, ports, serverDnsNames = [defaultServerDnsName] } = options;
  const state = await StateFolder.open(stateFolder, keyFile, ports.entropy);
  const { records = state, leads = () => true } = options;
  const root = await openRoot(records, ports);
  const tokenKeys = await openMesh(records, trustDomain);
  const tokens = createTokenIssuer(tokenKeys, trustDomain, ports);
  const authority = new StoredAuthority({ records, state, leads, root, trustDomain, tokens, serverDnsNames, ports });
  const [failure] = await authority.ensureServers();
  if (failure !== undefined) throw failure.cause;
  return authority;
}

async function openRoot(state: SharedRecords, ports: IdentityPorts): Promise<Issuer> {
  const found = await readIssuer(state, rootRecord);
  if (found === undefined) {
    await refuseLoss(state, rootRecord, []);
    return createIssuer(state, rootRecord, rootProfile(), null, ports);
  }
  if (ports.clock.nowMs() >= found.certificate.notAfterMs) {
    const ended = new Date(found.certificate.notAfterMs).toISOString();
    throw new StateError(
      'root-expired',
      state.path,
      `its root ended on ${ended}; no certificate of this mesh is valid`,
    );
  }
  return found;
}

/** @returns the key pair that signs workload tokens. */
async function openMesh(state: SharedRecords, trustDomain: string): Promise<KeyPair> {
  const found = (await state.read(meshRecord)) ?? (await createMesh(state, trustDomain));
  const record = found as MeshRecord;
  if (record.trustDomain !== trustDomain) {
    throw new StateError(
      'trust-domain-changed',
      state.path,
      `holds the root of trust domain \`${record.trustDomain}\`, and the mesh says \`${trustDomain}\`; every identity would change: ` +
        'put the name back, or start a new mesh with an empty state',
    );
  }
  return readKeyPair(new Redacted(record.tokenKeyPem));
}

async function createMesh(state: SharedRecords, trustDomain: string): Promise<unknown> {
  await refuseLoss(state, meshRecord, [rootRecord]);
  const { privateKeyPem } = await generateKeyPair();
  const record: MeshRecord = { trustDomain, tokenKeyPem: privateKeyPem.reveal() };
  await state.create(meshRecord, record);
  return state.read(meshRecord);
}

/** @param earlier records that may exist although this one was not made yet. */
async function refuseLoss(state: SharedRecords, name: string, earlier: readonly string[]): Promise<void> {
  const later = (await state.list()).filter((other) => !earlier.includes(other));
  // A process that opens the same new folder may have made this record, and more, in the meantime.
  if (later.length === 0 || later.includes(name)) return;
  throw new StateError(
    'record-missing',
    state.path,
    `\`${name}\` is missing though ${later.length} records made after it exist; restore the state from a backup: ` +
      'a new one would cut off every workload',
  );
}

const rootRecord = 'root';
const meshRecord = 'mesh';

interface MeshRecord {
  readonly trustDomain: string;
  readonly tokenKeyPem: string;
}
