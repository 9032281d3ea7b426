/**
 * Reads a store beside its writer: answers queries, and checks the whole chain a piece at a time between them.
 *
 * Each answer and each piece is one read transaction, short, so that the write-ahead log can be written back.
 */
import type { KeyObject } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { ChainCheck, type ChainReport } from '../chain/chain-check.ts';
import { type Cursor, type EventQuery, eventsPerAnswerMax } from '../store.ts';
import { statementOf } from './query-statement.ts';
import { openReadOnly, originOf, partsOf } from './sqlite-source.io.ts';

/** Records that are checked in one turn; about 10 ms. */
const recordsPerTurn = 1_000;

/** An answer whose events are still texts: whoever asked reads them. */
export interface RawAnswer {
  readonly rows: readonly { readonly position: number; readonly body: string }[];
  readonly cursor: Cursor;
  readonly more: boolean;
}

export class SqliteReader {
  readonly #database: DatabaseSync;
  readonly #replica: string;

  /** @throws where the file cannot be read. */
  constructor(path: string, replica: string) {
    this.#database = openReadOnly(path);
    this.#replica = replica;
  }

  /** @throws where the file cannot be read. */
  query(query: EventQuery): RawAnswer {
    return this.#inSnapshot(() => {
      const limit = Math.min(Math.max(Math.trunc(query.limit), 1), eventsPerAnswerMax);
      const newest = this.#database.prepare('SELECT max(position) AS position FROM record').get();
      const upTo = Number(newest?.['position'] ?? 0);
      const after = query.after === undefined ? 0 : (query.after[this.#replica] ?? upTo);
      const { sql, parameters } = statementOf(query, { after, upTo }, limit + 1);
      const found = this.#database
        .prepare(sql)
        .all(...parameters)
        .map((row) => ({ position: Number(row['position']), body: String(row['body']) }));
      const rows = found.slice(0, limit);
      const more = found.length > limit;
      const seen = query.after !== undefined && more ? (rows.at(-1)?.position ?? after) : Math.max(upTo, after);
      return { rows, cursor: { [this.#replica]: seen }, more };
    });
  }

  /** What SQLite itself finds wrong with its pages; undefined if nothing. It reads all of the file. */
  complaint(): string | undefined {
    const said = String(this.#database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']);
    return said === 'ok' ? undefined : said;
  }

  pages(): number {
    return Number(this.#database.prepare('PRAGMA page_count').get()?.['page_count']);
  }

  /** Each step checks some; begins again where retention took the beginning away meanwhile. */
  *check(publicKey: KeyObject): Generator<undefined, ChainReport, undefined> {
    for (;;) {
      const { base } = originOf(this.#database);
      const check = new ChainCheck({ replica: this.#replica, ...(base && { base }) }, publicKey);
      let last = base?.position ?? 0;
      for (let isEnd = false; !isEnd; ) {
        const read = this.#inSnapshot(() => {
          if (originOf(this.#database).base?.position !== base?.position) return undefined;
          let count = 0;
          for (const part of partsOf(this.#database, this.#replica, last, recordsPerTurn)) {
            if (part.kind === 'head') check.head(part.head);
            else {
              check.record(part.record);
              last = part.record.position;
              count += 1;
            }
          }
          return count;
        });
        if (read === undefined) break;
        isEnd = read < recordsPerTurn;
        if (isEnd) return check.finish();
        yield;
      }
    }
  }

  close(): void {
    this.#database.close();
  }

  #inSnapshot<T>(read: () => T): T {
    this.#database.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#database.exec('COMMIT');
    }
  }
}
