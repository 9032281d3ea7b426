/**
 * Reads a store in PostgreSQL beside its writer, on a session of its own: answers queries over the chains of all replicas, and
 * checks the own chain a page at a time between them.
 */
import type { KeyObject } from 'node:crypto';
import { ChainCheck, type ChainReport } from '../chain/chain-check.ts';
import type { EvidenceEvent } from '../event.ts';
import {
  type Cursor,
  type EventQuery,
  eventsPerAnswerMax,
  type QueryAnswer,
  type StoredDrill,
  type StoredEvent,
} from '../store.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { oneMoment } from './postgres-open.io.ts';
import { messageOf, type Query, Session } from './postgres-session.io.ts';
import { originOf, pageOf, positionOf, recordsPerPage } from './postgres-source.io.ts';
import { postgresStatement, type ReplicaSpan } from './postgres-statement.ts';

/** Longest that one statement of a reader may take, in ms: a person waits for it. */
const statementMs = 10_000;

/** Queries that may wait; beyond them a query fails at once. */
const queriesWaitingMax = 100;

export class PostgresReader {
  readonly #session: Session;
  /** One statement after another: a session has one transaction. */
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isEnded = false;

  constructor(address: PostgresAddress) {
    this.#session = new Session({ address, statementMs });
  }

  async query(query: EventQuery): Promise<QueryAnswer> {
    if (this.#waiting >= queriesWaitingMax) {
      return { kind: 'failed', message: `${queriesWaitingMax} queries wait already; ask again later` };
    }
    try {
      return await this.#inTurn((ask) => answerTo(ask, query));
    } catch (error) {
      return { kind: 'failed', message: messageOf(error) };
    }
  }

  /** The whole chain; begins again where retention took the beginning away meanwhile. @throws where it cannot be read. */
  async check(replica: string, publicKey: KeyObject): Promise<ChainReport> {
    for (;;) {
      const { base } = await this.#inTurn((ask) => originOf(ask, replica));
      const check = new ChainCheck({ replica, ...(base && { base }) }, publicKey);
      for (let [last, isEnd] = [base?.position ?? 0, false]; !isEnd; ) {
        const page = await this.#inTurn(async (ask) => {
          const origin = await originOf(ask, replica);
          return origin.base?.position === base?.position ? pageOf(ask, replica, last) : undefined;
        });
        if (page === undefined) break;
        let records = 0;
        for (const part of page) {
          if (part.kind === 'head') check.head(part.head);
          else {
            check.record(part.record);
            last = positionOf(part);
            records += 1;
          }
        }
        isEnd = records < recordsPerPage;
        if (isEnd) return check.finish();
      }
    }
  }

  /** Of each drill record that has a place still, whether its body is there; undefined where the server is not. */
  async drillPlaces(): Promise<ReadonlyMap<string, boolean> | undefined> {
    const sql = `SELECT stream, sequence, body IS NOT NULL AS whole FROM coffre.record WHERE stream > ''`;
    const rows = await this.#inTurn((ask) => ask(sql)).catch(() => undefined);
    return (
      rows &&
      new Map(
        rows.map((row) => [
          drillName({ stream: String(row['stream']), sequence: Number(row['sequence']) }),
          row['whole'] === true,
        ]),
      )
    );
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    this.#session.drop();
    await this.#last;
  }

  /** @throws what `read` throws. */
  async #inTurn<T>(read: (ask: Query) => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const turn = this.#last.then(() => {
      if (this.#isEnded) throw new Error('the store is closed');
      return this.#session.transaction(read, { begin: oneMoment });
    });
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

export function drillName({ stream, sequence }: Pick<StoredDrill, 'stream' | 'sequence'>): string {
  return `${sequence} ${stream}`;
}

async function answerTo(ask: Query, query: EventQuery): Promise<QueryAnswer> {
  const limit = Math.min(Math.max(Math.trunc(query.limit), 1), eventsPerAnswerMax);
  const ends = await endsOf(ask);
  const { after } = query;
  const from = new Map(ends.map(({ replica, position }) => [replica, after?.[replica] ?? position]));
  const spans: readonly ReplicaSpan[] | undefined =
    after &&
    ends
      .map(({ replica, position }) => ({ replica, after: from.get(replica) ?? position, upTo: position }))
      .filter((span) => span.after < span.upTo);
  const { sql, parameters } = postgresStatement(query, spans, limit + 1);
  const found = spans?.length === 0 ? [] : await ask(sql, parameters);
  const events = found.slice(0, limit).map((row): StoredEvent => {
    const event: EvidenceEvent = JSON.parse(String(row['body']));
    return { replica: String(row['replica']), position: Number(row['position']), event };
  });
  const more = found.length > limit;
  return { kind: 'events', events, cursor: reached(ends, from, after !== undefined && more, events), more, silent: [] };
}

interface End {
  readonly replica: string;
  readonly position: number;
}

/** Of each chain, as it ends now. */
async function endsOf(ask: Query): Promise<readonly End[]> {
  const rows = await ask(
    `SELECT name, coalesce((SELECT position FROM coffre.record WHERE replica = name ORDER BY position DESC LIMIT 1),
       (SELECT position FROM coffre.base WHERE replica = name), 0) AS position FROM coffre.replica`,
  );
  return rows.map((row) => ({ replica: String(row['name']), position: Number(row['position']) }));
}

/** Where an answer was cut, of each chain its last event in it; else the ends. */
function reached(
  ends: readonly End[],
  from: ReadonlyMap<string, number>,
  isCut: boolean,
  events: readonly StoredEvent[],
): Cursor {
  const told = new Map(events.map(({ replica, position }) => [replica, position]));
  return Object.fromEntries(
    ends.map(({ replica, position }) => {
      const start = from.get(replica) ?? position;
      return [replica, isCut ? (told.get(replica) ?? start) : Math.max(position, start)];
    }),
  );
}
