/**
 * The certificate authority in one file, and back.
 *
 *   STATE/*.sealed, each still sealed ─┐
 *   seal.key, only inside a passphrase ┴─▶ archive ──restore──▶ a folder beside ──every record unsealed──▶ rename to STATE
 *
 * Restored is the same mesh: same root, same intermediates, same leaves, so no proxy sees anything new. What a control
 * plane makes by itself (workload folders, tokens, the socket) is not in it.
 * The surprise: an archive of a folder that keeps its own sealing key would be sealed with a key that lies beside it,
 * or useless without it. So the key goes in only under a passphrase, or in the clear when that is asked for by name.
 */
import { createSecretKey, scryptSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isErrno, makePrivateFolder, writeFileAtomic } from '../identity/atomic-file.io.ts';
import type { IdentityPorts } from '../identity/ports.ts';
import { seal, unseal } from '../identity/seal.io.ts';
import { StateFolder } from '../identity/state-folder.io.ts';
import { systemPorts } from '../identity/system-ports.io.ts';

/** How the sealing key travels. */
export type KeyCustody =
  /** It lies elsewhere and stays there. */
  | { readonly kind: 'elsewhere'; readonly keyFile: string }
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  /** In the archive, for anybody who reads it. */
  | { readonly kind: 'clear' };

export type BackupResult =
  | { readonly kind: 'done'; readonly records: number }
  | { readonly kind: 'refused'; readonly message: string; readonly advice: string };

const format = 'coffre-backup-1';
const recordSuffix = '.sealed';
const keyFileName = 'seal.key';

/** Cost of a guess at the passphrase: 64 MiB and about 0.2 s. Source: scrypt, RFC 7914, with N raised from its interactive setting. */
const scryptCost = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1_024 * 1_024 } as const;
const saltBytes = 16;
/** Shortest passphrase, in characters: the archive may be attacked at leisure. */
export const passphraseLengthMin = 12;
/** Largest archive read back, in bytes: a hundred thousand leaves. */
const archiveBytesMax = 512 * 1_024 * 1_024;

interface Archive {
  readonly format: typeof format;
  readonly key: { readonly kind: 'elsewhere' } | { readonly kind: 'clear'; readonly text: string } | SealedKey;
  /** Base64 of each sealed record, by name. */
  readonly records: Readonly<Record<string, string>>;
}

interface SealedKey {
  readonly kind: 'passphrase';
  readonly salt: string;
  readonly sealed: string;
}

export interface BackupOptions {
  readonly stateFolder: string;
  readonly file: string;
  readonly custody: KeyCustody;
  readonly ports?: IdentityPorts;
}

/** Reads every record before it writes anything: a backup that cannot be restored is none. @throws StateError */
export async function backup({
  stateFolder,
  file,
  custody,
  ports = systemPorts,
}: BackupOptions): Promise<BackupResult> {
  const names = await recordNames(stateFolder);
  if (!names.includes('root')) {
    return refused(
      `\`${stateFolder}\` holds no certificate authority`,
      'name the state folder of a control plane: `--state DIR`',
    );
  }
  const state = await StateFolder.open(stateFolder, keyFileOf(custody), ports.entropy);
  const records: Record<string, string> = {};
  for (const name of names) {
    // A leaf may be dropped by the running control plane between the listing and here.
    if ((await state.read(name)) === undefined) continue;
    records[name] = (await readFile(join(stateFolder, `${name}${recordSuffix}`))).toString('base64');
  }
  const archive: Archive = { format, key: await keyFor(stateFolder, custody, ports), records };
  await writeFileAtomic(file, `${JSON.stringify(archive)}\n`);
  return { kind: 'done', records: Object.keys(records).length };
}

export interface RestoreOptions {
  readonly file: string;
  readonly stateFolder: string;
  /** What the archive asks for; `clear` also where it asks for nothing. */
  readonly custody: KeyCustody;
  readonly ports?: IdentityPorts;
}

/** All or nothing: the state folder appears whole, or stays as it was. @throws StateError */
export async function restore({
  file,
  stateFolder,
  custody,
  ports = systemPorts,
}: RestoreOptions): Promise<BackupResult> {
  const archive = await readArchive(file);
  if (archive === undefined) return refused(`\`${file}\` is no whole backup of Coffre`, 'try an earlier copy of it');
  if (!(await isFree(stateFolder))) {
    return refused(
      `\`${stateFolder}\` is not empty`,
      'stop its control plane and move the folder away; nothing is ever overwritten',
    );
  }
  const key = openKey(archive, custody);
  if (key.kind === 'refused') return key;
  await makePrivateFolder(dirname(stateFolder));
  const beside = await mkdtemp(join(dirname(stateFolder), `.restore-${basename(stateFolder)}-`));
  try {
    if (key.text !== undefined) await writeFileAtomic(join(beside, keyFileName), key.text);
    for (const [name, sealed] of Object.entries(archive.records)) {
      await makePrivateFolder(dirname(join(beside, name)));
      await writeFileAtomic(join(beside, `${name}${recordSuffix}`), Buffer.from(sealed, 'base64'));
    }
    const state = await StateFolder.open(beside, keyFileOf(custody), ports.entropy);
    for (const name of Object.keys(archive.records)) await state.read(name);
    await rmdir(stateFolder).catch(() => undefined);
    await rename(beside, stateFolder);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    throw error;
  }
  return { kind: 'done', records: Object.keys(archive.records).length };
}

function keyFileOf(custody: KeyCustody): string | undefined {
  return custody.kind === 'elsewhere' ? custody.keyFile : undefined;
}

async function keyFor(stateFolder: string, custody: KeyCustody, { entropy }: IdentityPorts): Promise<Archive['key']> {
  if (custody.kind === 'elsewhere') return { kind: 'elsewhere' };
  const text = await readFile(join(stateFolder, keyFileName), 'utf8');
  if (custody.kind === 'clear') return { kind: 'clear', text };
  const salt = Buffer.from(entropy.bytes(saltBytes));
  const sealed = seal(passphraseKey(custody.passphrase, salt), keyFileName, text, entropy);
  return { kind: 'passphrase', salt: salt.toString('base64'), sealed: sealed.toString('base64') };
}

function openKey(
  { key }: Archive,
  custody: KeyCustody,
): { readonly kind: 'open'; readonly text: string | undefined } | Extract<BackupResult, { kind: 'refused' }> {
  if (key.kind === 'clear') return { kind: 'open', text: key.text };
  if (key.kind === 'elsewhere') {
    if (custody.kind === 'elsewhere') return { kind: 'open', text: undefined };
    return refused('the sealing key is not in this backup', 'name the file that holds it: `--state-key-file FILE`');
  }
  if (custody.kind !== 'passphrase') {
    return refused('the sealing key in this backup is under a passphrase', 'give it: `--passphrase-file FILE`');
  }
  const secret = passphraseKey(custody.passphrase, Buffer.from(key.salt, 'base64'));
  const text = unseal(secret, keyFileName, Buffer.from(key.sealed, 'base64'));
  if (text === null)
    return refused('the passphrase is not the one of this backup', 'look for the one it was made with');
  return { kind: 'open', text };
}

function passphraseKey(passphrase: string, salt: Buffer) {
  return createSecretKey(scryptSync(passphrase.normalize('NFC'), salt, 32, scryptCost));
}

/** The same names as the state folder's own listing, and no folder or key is made by looking. */
async function recordNames(folder: string): Promise<readonly string[]> {
  try {
    const files = await readdir(folder, { recursive: true });
    return files
      .filter((name) => name.endsWith(recordSuffix) && recordName.test(name.slice(0, -recordSuffix.length)))
      .map((name) => name.slice(0, -recordSuffix.length))
      .sort();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Records are named by us, `root` or `leaves/shop/cart`: no segment begins with a dot, so none leads out of the folder. */
const recordName = /^[a-z0-9][a-z0-9.-]*(?:\/[a-z0-9][a-z0-9.-]*){0,2}$/;

async function readArchive(file: string): Promise<Archive | undefined> {
  if ((await stat(file)).size > archiveBytesMax) return undefined;
  try {
    const archive: Archive = JSON.parse(await readFile(file, 'utf8'));
    const names = Object.keys(archive.records);
    const whole = archive.format === format && ['root', 'mesh'].every((name) => names.includes(name));
    return whole && names.every((name) => recordName.test(name)) ? archive : undefined;
  } catch {
    return undefined; // cut off, or something else altogether
  }
}

async function isFree(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return true;
    throw error;
  }
}

function refused(message: string, advice: string): Extract<BackupResult, { kind: 'refused' }> {
  return { kind: 'refused', message, advice };
}
