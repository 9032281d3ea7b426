/** Rows of the store's tables as values of the chain. A row is what the file says: nothing in it is trusted yet. */
import type { ChainRecord, RecordMeta } from '../chain/chain.ts';
import type { SignedHead } from '../store.ts';

export type Row = Readonly<Record<string, unknown>>;

export const recordColumns =
  'position, id, kind, class, at_ms, tenant, epoch, stream, sequence, body_digest, nonce, body, link';

export function recordOf(row: Row): ChainRecord {
  const meta = {
    id: row['id'],
    kind: row['kind'],
    class: row['class'],
    atMs: row['at_ms'],
    tenant: row['tenant'],
    epoch: row['epoch'],
    stream: row['stream'],
    sequence: row['sequence'],
  } as RecordMeta; // the tables are STRICT, and a kind that is none fits no digest
  const common = {
    position: Number(row['position']),
    link: bytesOf(row['link']),
    meta,
    bodyDigest: bytesOf(row['body_digest']),
  };
  const { nonce, body } = row;
  return typeof body === 'string'
    ? { kind: 'whole', ...common, nonce: bytesOf(nonce), body }
    : { kind: 'pruned', ...common };
}

export function headOf(replica: string, row: Row): SignedHead {
  return {
    replica,
    position: Number(row['position']),
    hash: String(row['hash']),
    atMs: Number(row['at_ms']),
    signature: String(row['signature']),
  };
}

function bytesOf(value: unknown): Buffer {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.alloc(0);
}
