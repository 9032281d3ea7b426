/**
 * One key for each tenant's people, in a file of its own, so that it can be destroyed alone.
 *
 *   FOLDER/<tenant>.key   nonce 12 | tag 16 | the key, AES-256-GCM under the wrap key; 0600
 *
 * Writing is synchronous, once in a tenant's life: a token must not be recorded before its key is kept.
 * Destroying overwrites the file before it is removed; a file system that copies on write may keep the old block, where
 * without the wrap key it says nothing.
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { PersonKeys } from './person-seal.ts';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** A namespace's name: what else might stand in a path is refused. */
const tenantShape = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export class PersonKeyFolder implements PersonKeys {
  readonly #folder: string;
  readonly #wrapKey: KeyObject;
  /** Bounded by the tenants of the mesh. */
  readonly #known = new Map<string, Uint8Array>();

  /** @param folder made where it is missing, 0700. */
  constructor(folder: string, wrapKey: KeyObject) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
    this.#wrapKey = wrapKey;
  }

  keyFor(tenant: string): Uint8Array {
    const key = this.keyOf(tenant);
    if (key !== undefined) return key;
    this.#write(tenant, randomBytes(keyBytes));
    const kept = this.keyOf(tenant);
    if (kept === undefined) throw new Error(`the key for people of tenant \`${tenant}\` could not be kept`);
    return kept;
  }

  keyOf(tenant: string): Uint8Array | undefined {
    const known = this.#known.get(tenant);
    if (known !== undefined) return known;
    const path = this.#pathOf(tenant);
    let wrapped: Buffer;
    try {
      wrapped = readFileSync(path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    const key = this.#unwrapped(tenant, wrapped);
    if (key === undefined) throw new Error(`${path} is damaged; restore it from the backup of the state folder`);
    this.#known.set(tenant, key);
    return key;
  }

  /** @returns whether there was one. From now on none of the tenant's people can be named. */
  destroy(tenant: string): boolean {
    this.#known.delete(tenant);
    const path = this.#pathOf(tenant);
    try {
      const file = openSync(path, 'r+');
      try {
        writeSync(file, randomBytes(nonceBytes + tagBytes + keyBytes));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    }
    rmSync(path);
    this.#sync();
    return true;
  }

  /** Whole or absent; a key that is there already is left alone. */
  #write(tenant: string, key: Uint8Array): void {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#wrapKey, nonce, { authTagLength: tagBytes });
    cipher.setAAD(Buffer.from(tenant));
    const ciphertext = Buffer.concat([cipher.update(key), cipher.final()]);
    const temporary = join(this.#folder, `.new-${randomBytes(8).toString('hex')}`);
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(file, Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]));
      fsyncSync(file);
      linkSync(temporary, this.#pathOf(tenant));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      closeSync(file);
      rmSync(temporary);
    }
    this.#sync();
  }

  #unwrapped(tenant: string, wrapped: Buffer): Uint8Array | undefined {
    if (wrapped.length !== nonceBytes + tagBytes + keyBytes) return undefined;
    const nonce = wrapped.subarray(0, nonceBytes);
    const decipher = createDecipheriv(algorithm, this.#wrapKey, nonce, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(tenant)).setAuthTag(wrapped.subarray(nonceBytes, nonceBytes + tagBytes));
    try {
      return Buffer.concat([decipher.update(wrapped.subarray(nonceBytes + tagBytes)), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  #pathOf(tenant: string): string {
    if (!tenantShape.test(tenant)) throw new Error(`\`${tenant}\` is no name of a tenant`);
    return join(this.#folder, `${tenant}.key`);
  }

  #sync(): void {
    const folder = openSync(this.#folder, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
