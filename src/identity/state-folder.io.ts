/**
 * Where the certificate authority keeps what it must not lose: sealed records in a folder, one file each.
 *
 *   STATE/seal.key                       the key that seals the rest (or `keyFile`, kept elsewhere)
 *   STATE/root.sealed, mesh.sealed, control-plane.sealed
 *   STATE/tenants.sealed                 which tenants have had a CA
 *   STATE/tenants/<tenant>.sealed        its CA, and during a rotation both
 *   STATE/servers/<name>.sealed
 *   STATE/leaves/<tenant>/<service account>.sealed
 *
 * Folders 0700, files 0600. Nothing that is missing or damaged is ever replaced here: it is refused with what to do.
 */
import type { KeyObject } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  createFileAtomic,
  isErrno,
  makePrivateFolder,
  privateFolderMode,
  temporaryPrefix,
  writeFileAtomic,
} from './atomic-file.io.ts';
import type { Entropy } from './ports.ts';
import { seal, unseal } from './seal.io.ts';
import { readSealKey, sealKeyBytes } from './seal-key.io.ts';
import type { SharedRecords } from './shared-records.ts';
import { StateError } from './state-error.ts';

/** Largest record we read unless told otherwise, in bytes; a leaf with its chain and key is under 4 KiB. */
const recordBytesMaxDefault = 65_536;

const recordSuffix = '.sealed';

export class StateFolder implements SharedRecords {
  readonly path: string;
  readonly #key: KeyObject;
  readonly #entropy: Entropy;
  readonly #recordBytesMax: number;

  private constructor(path: string, key: KeyObject, entropy: Entropy, recordBytesMax: number) {
    this.path = path;
    this.#key = key;
    this.#entropy = entropy;
    this.#recordBytesMax = recordBytesMax;
  }

  /** @param keyFile a sealing key kept outside the folder; it must exist, and is never made here. */
  static async open(
    path: string,
    keyFile: string | undefined,
    entropy: Entropy,
    recordBytesMax: number = recordBytesMaxDefault,
  ): Promise<StateFolder> {
    try {
      await makePrivateFolder(path);
      await chmod(path, privateFolderMode); // it may have been made beforehand, wider
    } catch (error) {
      throw new StateError('permissions', path, 'must be a folder that this process owns', { cause: error });
    }
    const key =
      keyFile === undefined ? await ownSealKey(path, join(path, 'seal.key'), entropy) : await readSealKey(keyFile);
    return new StateFolder(path, key, entropy, recordBytesMax);
  }

  async read(name: string): Promise<unknown> {
    const path = this.#pathOf(name);
    let sealed: Buffer;
    try {
      if ((await stat(path)).size > this.#recordBytesMax) throw damaged(path);
      sealed = await readFile(path);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      if (error instanceof StateError) throw error;
      throw new StateError('unreadable', path, 'cannot be read; check its owner and mode', { cause: error });
    }
    const plain = unseal(this.#key, name, sealed);
    if (plain === null) throw damaged(path);
    return JSON.parse(plain);
  }

  /** Replaces the record. */
  async write(name: string, record: object): Promise<void> {
    await makePrivateFolder(dirname(this.#pathOf(name)));
    await writeFileAtomic(this.#pathOf(name), this.#seal(name, record));
  }

  async create(name: string, record: object): Promise<boolean> {
    await makePrivateFolder(dirname(this.#pathOf(name)));
    return createFileAtomic(this.#pathOf(name), this.#seal(name, record));
  }

  /** A folder has one process, so nobody else can have replaced it. */
  async replace(name: string, record: object): Promise<boolean> {
    await this.write(name, record);
    return true;
  }

  async remove(name: string): Promise<void> {
    await rm(this.#pathOf(name), { force: true });
  }

  async list(): Promise<readonly string[]> {
    return listRecords(this.path);
  }

  #pathOf(name: string): string {
    return join(this.path, `${name}${recordSuffix}`);
  }

  #seal(name: string, record: object): Buffer {
    return seal(this.#key, name, JSON.stringify(record), this.#entropy);
  }
}

function damaged(path: string): StateError {
  return new StateError(
    'damaged',
    path,
    'is damaged, moved or sealed with another key; restore the state folder and its key from the same backup',
  );
}

async function listRecords(path: string): Promise<readonly string[]> {
  const files = await readdir(path, { recursive: true });
  return files
    .filter((file) => file.endsWith(recordSuffix) && !file.includes(temporaryPrefix))
    .map((file) => file.slice(0, -recordSuffix.length))
    .sort();
}

/** The key in the folder; made once, in a folder that holds no record yet. */
async function ownSealKey(folder: string, path: string, entropy: Entropy): Promise<KeyObject> {
  const records = await listRecords(folder);
  if (records.length === 0) await createFileAtomic(path, Buffer.from(entropy.bytes(sealKeyBytes)).toString('base64'));
  return readSealKey(path);
}
