/** A folder with a store in it, for one test. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore, type SqliteStoreOptions, storeFile } from '../../../src/evidence/sqlite/sqlite-store.io.ts';
import type { EvidenceStore } from '../../../src/evidence/store.ts';
import { noonMs } from '../event-samples.ts';

export class SqliteWorld {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'coffre-store-'));
  readonly path: string = join(this.folder, storeFile);
  readonly signingKey: KeyObject = generateKeyPairSync('ed25519').privateKey;
  readonly publicKeyPem: string = createPublicKey(this.signingKey).export({ type: 'spki', format: 'pem' }).toString();
  readonly #opened: EvidenceStore[] = [];

  async open(changes: Partial<SqliteStoreOptions> = {}): Promise<EvidenceStore> {
    const { folder, signingKey } = this;
    const clock = { nowMs: () => noonMs };
    const store = await openSqliteStore({ folder, replica: 'replica-1', signingKey, clock, ...changes });
    this.#opened.push(store);
    return store;
  }

  /** As somebody with the file, and without the key. */
  tamper(...statements: readonly string[]): void {
    const database = new DatabaseSync(this.path);
    for (const statement of statements) database.exec(statement);
    database.close();
  }

  async remove(): Promise<void> {
    await Promise.all(this.#opened.map((store) => store.close()));
    rmSync(this.folder, { recursive: true });
  }
}
