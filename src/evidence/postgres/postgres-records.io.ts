/** What the writer asks of the tables within its transaction: where the chain ends, what a stream has, and to take more records. */
import { chainStart, type RecordMeta } from '../chain/chain.ts';
import { headOf } from '../sqlite/sqlite-rows.ts';
import type { SignedHead } from '../store.ts';
import { drillTextOf } from './postgres-open.io.ts';
import type { Query } from './postgres-session.io.ts';
import { baseOf } from './postgres-source.io.ts';

/** The end of a chain, and the newest head. */
export interface ChainEnd {
  readonly position: number;
  readonly link: Buffer;
  readonly head: SignedHead | undefined;
}

export interface ChainedRecord {
  readonly meta: RecordMeta;
  readonly position: number;
  readonly bodyDigest: Buffer;
  readonly nonce: Buffer;
  readonly body: string;
  readonly link: Buffer;
}

export interface NewestOfStream {
  /** 0 where the stream has none. */
  readonly sequence: number;
  readonly position: number;
  readonly epoch: number;
  readonly text: string | undefined;
}

export async function endOf(query: Query, replica: string): Promise<ChainEnd> {
  const [row] = await query(
    'SELECT position, link FROM coffre.record WHERE replica = $1 ORDER BY position DESC LIMIT 1',
    [replica],
  );
  const [newest] = await query(
    'SELECT position, hash, at_ms, signature FROM coffre.head WHERE replica = $1 ORDER BY position DESC LIMIT 1',
    [replica],
  );
  const head = newest && headOf(replica, newest);
  const link = row?.['link'];
  if (link instanceof Uint8Array) return { position: Number(row?.['position']), link: Buffer.from(link), head };
  const base = await baseOf(query, replica);
  if (base === undefined) return { position: 0, link: chainStart(replica), head };
  return { position: base.position, link: Buffer.from(base.hash, 'hex'), head };
}

export async function newestOf(query: Query, stream: string): Promise<NewestOfStream> {
  const [row] = await query(
    `SELECT sequence, position, epoch, body FROM coffre.record WHERE stream > '' AND stream = $1
     ORDER BY sequence DESC LIMIT 1`,
    [stream],
  );
  const body = row?.['body'];
  return {
    sequence: Number(row?.['sequence'] ?? 0),
    position: Number(row?.['position'] ?? 0),
    epoch: Number(row?.['epoch'] ?? 0),
    text: typeof body === 'string' ? drillTextOf(body) : undefined,
  };
}

/** By id, in every replica: two that keep the same events wait for each other, and never in a circle. */
export async function insertRecords(query: Query, replica: string, records: readonly ChainedRecord[]): Promise<void> {
  const column = <T>(of: (record: ChainedRecord) => T) => records.map(of);
  await query(
    `WITH batch AS (SELECT nextval('coffre.batch') AS number)
     INSERT INTO coffre.record (replica, position, id, kind, class, at_ms, tenant, epoch, stream, sequence,
       body_digest, nonce, body, link, batch)
     SELECT $1, position, id, kind, class, at_ms, tenant, epoch, stream, sequence, body_digest, nonce, body, link, number
     FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::text[],
       $10::bigint[], $11::bytea[], $12::bytea[], $13::text[], $14::bytea[])
       AS row (position, id, kind, class, at_ms, tenant, epoch, stream, sequence, body_digest, nonce, body, link), batch
     ORDER BY id`,
    [
      ...[replica, column(({ position }) => position), column(({ meta }) => meta.id), column(({ meta }) => meta.kind)],
      ...[column(({ meta }) => meta.class), column(({ meta }) => meta.atMs), column(({ meta }) => meta.tenant)],
      ...[column(({ meta }) => meta.epoch), column(({ meta }) => meta.stream), column(({ meta }) => meta.sequence)],
      ...[column(({ bodyDigest }) => bodyDigest), column(({ nonce }) => nonce)],
      ...[column(({ body }) => body), column(({ link }) => link)],
    ],
  );
}
