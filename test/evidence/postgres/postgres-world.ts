/** A database with a store in it, for one test; several replicas may open it. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { ChainReport } from '../../../src/evidence/chain/chain-check.ts';
import type { ExpectedHead } from '../../../src/evidence/chain/head.ts';
import { verifyPostgres } from '../../../src/evidence/postgres/postgres-copy.io.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../../src/evidence/postgres/postgres-store.io.ts';
import type { EvidenceStore } from '../../../src/evidence/store.ts';
import { noonMs } from '../event-samples.ts';
import type { PostgresServer } from './postgres-server.ts';

export class PostgresWorld {
  readonly server: PostgresServer;
  readonly database: string;
  readonly #keys = new Map<string, KeyObject>();
  readonly #opened: EvidenceStore[] = [];

  private constructor(server: PostgresServer, database: string) {
    this.server = server;
    this.database = database;
  }

  static async make(server: PostgresServer): Promise<PostgresWorld> {
    return new PostgresWorld(server, await server.makeDatabase());
  }

  get connectionString(): string {
    return this.server.addressOf(this.database);
  }

  async open(changes: Partial<PostgresStoreOptions> = {}): Promise<EvidenceStore> {
    const { connectionString } = this;
    const replica = changes.replica ?? 'replica-1';
    const clock = { nowMs: () => noonMs };
    const signingKey = this.keyOf(replica);
    const store = await openPostgresStore({ connectionString, replica, signingKey, clock, ...changes });
    this.#opened.push(store);
    return store;
  }

  keyOf(replica: string): KeyObject {
    const key = this.#keys.get(replica) ?? generateKeyPairSync('ed25519').privateKey;
    this.#keys.set(replica, key);
    return key;
  }

  /** As somebody with the database, and without a key. */
  tamper(...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    return this.server.sql(this.database, statements.join(';'));
  }

  verify(replica = 'replica-1', expectHead?: ExpectedHead): Promise<ChainReport> {
    const publicKeyPem = createPublicKey(this.keyOf(replica)).export({ type: 'spki', format: 'pem' }).toString();
    return verifyPostgres(this.connectionString, replica, { publicKeyPem, ...(expectHead && { expectHead }) });
  }

  /** The database goes with its server. */
  async remove(): Promise<void> {
    await Promise.all(this.#opened.map((store) => store.close()));
  }
}
