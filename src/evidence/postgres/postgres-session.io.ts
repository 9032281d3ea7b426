/**
 * One session with the server: opened when it is needed, dropped when in doubt, bounded in everything it waits for.
 *
 * It insists on what an acknowledgement stands on: a server that writes to its disk before it answers. Whoever uses a
 * session sees a failure as a thrown error, and `isOpen` tells whether the session outlived it.
 */
import { readFileSync } from 'node:fs';
import { Client, type ClientConfig, DatabaseError, types } from 'pg';
import type { Row } from '../sqlite/sqlite-rows.ts';
import type { PostgresAddress, PostgresTls } from './postgres-address.ts';

/** Longest wait for a connection, TLS and log-in, in ms. */
const connectMs = 2_000;

/** Longest that a statement may wait for a lock, in ms: another session of the same replica holds it, and should not. */
const lockMs = 1_000;

/** After which the server ends a transaction that we no longer speak in, in ms: a process that was stopped holds no lock. */
const idleInTransactionMs = 5_000;

/** PostgreSQL's own number of the type bigint. Positions and times are whole numbers below 2^53. */
const bigintType = 20;

export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export interface SessionOptions {
  readonly address: PostgresAddress;
  /** Longest that a statement may take, in ms. */
  readonly statementMs: number;
  /** After each connection, before anything else. */
  readonly begin?: (query: Query) => Promise<void>;
  readonly notified?: (payload: string) => void;
}

export interface TransactionOptions<T> {
  readonly begin?: string;
  keeps?(result: T): boolean;
}

/** Whether the transaction is kept, only the server knows. */
export class CommitInDoubt extends Error {}

export class Session {
  readonly #options: SessionOptions;
  #client: Client | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#client !== undefined;
  }

  /** Connects where there is no connection. @throws where the server is not there, or refuses. */
  readonly query: Query = async (text, values) => {
    const client = this.#client ?? (await this.#connect());
    return this.#ask(client, text, values);
  };

  /**
   * Everything in one transaction, on one connection.
   * @param keeps asked once, right before the commit: false, and all of it is taken back.
   * @throws what `act` throws, after it was taken back; `CommitInDoubt` where nobody knows.
   */
  async transaction<T>(
    act: (query: Query) => Promise<T>,
    { begin = 'BEGIN', keeps = () => true }: TransactionOptions<T> = {},
  ): Promise<T> {
    const client = this.#client ?? (await this.#connect());
    const query: Query = (text, values) => this.#ask(client, text, values);
    await query(begin);
    let result: T;
    let isKept: boolean;
    try {
      result = await act(query);
      isKept = keeps(result);
    } catch (error) {
      if (this.#client === client) await query('ROLLBACK').catch(() => undefined); // a lost session takes it back itself
      throw error;
    }
    try {
      await query(isKept ? 'COMMIT' : 'ROLLBACK');
      return result;
    } catch (error) {
      if (!isKept || this.#client === client) throw error;
      throw new CommitInDoubt(`the server was lost while it committed (${messageOf(error)})`, { cause: error });
    }
  }

  /** Without a word: whatever runs there runs into its own bounds. */
  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) abandon(client);
  }

  async end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<Client> {
    const { begin, notified } = this.#options;
    const client = new Client(this.#config());
    client.on('error', () => this.#lost(client)); // its queries are told as well
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload }) => notified?.(payload ?? ''));
    try {
      await client.connect();
      const query: Query = (text, values) => this.#ask(client, text, values);
      const [server] = await query(
        `SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding,
         CASE WHEN current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
         THEN set_config('synchronous_commit', 'on', false) END AS raised`,
      );
      if (server?.['fsync'] !== 'on')
        throw new Error('it runs with `fsync` off, so nothing that it acknowledges is on a disk; turn it on');
      if (server['encoding'] !== 'UTF8')
        throw new Error(`its encoding is \`${server['encoding']}\`; make a database with encoding UTF8`);
      await begin?.(query);
    } catch (error) {
      abandon(client);
      throw error;
    }
    this.#client = client;
    return client;
  }

  async #ask(client: Client, text: string, values?: readonly unknown[]): Promise<readonly Row[]> {
    try {
      const { rows } = await client.query<Record<string, unknown>>(
        text,
        values === undefined ? undefined : [...values],
      );
      return rows;
    } catch (error) {
      // What the server says of a statement leaves the session as it is. Anything else, a late answer too, ends it.
      const isSaid = error instanceof DatabaseError && error.severity === 'ERROR';
      if (!isSaid) {
        this.#lost(client);
        abandon(client);
      }
      throw error;
    }
  }

  #lost(client: Client): void {
    if (this.#client === client) this.#client = undefined;
  }

  #config(): ClientConfig {
    const { address, statementMs } = this.#options;
    const { host, port, user, password, database, tls } = address;
    const isNumber = (oid: number) => oid === bigintType;
    return {
      ...{ host, port, user, password, database, application_name: 'coffre' },
      ssl: tls === undefined ? false : tlsOptions(tls),
      enableChannelBinding: true,
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      query_timeout: statementMs,
      statement_timeout: statementMs,
      lock_timeout: lockMs,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      types: { getTypeParser: (oid: number) => (isNumber(oid) ? Number : types.getTypeParser(oid)) },
    };
  }
}

/** Read for each connection: a certificate may have been renewed. The name is verified by Node, against `host`. */
function tlsOptions({ caFile, client }: PostgresTls): NonNullable<Exclude<ClientConfig['ssl'], boolean>> {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(client === undefined ? {} : { cert: readFileSync(client.certificateFile), key: readFileSync(client.keyFile) }),
  };
}

function abandon(client: Client): void {
  client.on('error', () => undefined); // of its end, which nobody asked about
  client.end().catch(() => undefined);
}

/** @returns the five characters by which the server names an error; undefined of one that is not the server's. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; '); // one for each address that was tried
  return error instanceof Error ? error.message : String(error);
}
