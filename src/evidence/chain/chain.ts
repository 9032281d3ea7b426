/**
 * How records hold each other: each link covers the link before it, its own position and what the record says.
 *
 *   body digest = SHA-256(nonce ‖ body)            nonce: 16 random bytes, gone together with the body
 *   digest      = SHA-256("coffre-record-1\n" ‖ meta, each field as a netstring ‖ body digest)
 *   link        = SHA-256(link before ‖ position as u64, big endian ‖ digest)
 *
 * So one record can be shown in three ways, and the chain holds in each: whole; pruned, with the body taken away by
 * retention and its digest left; withheld, as a digest alone, where it is another tenant's. The nonce is why a digest
 * tells nothing: nobody can find a short body by trying.
 */
import { hash } from 'node:crypto';
import type { EventKind, RetentionClass } from '../event.ts';

/** What is known of a record for as long as the chain reaches back, after its body is gone too. */
export interface RecordMeta {
  readonly id: string;
  readonly kind: EventKind;
  readonly class: RetentionClass;
  /** Epoch ms. */
  readonly atMs: number;
  readonly tenant: string;
  /** Who wrote it: each opening of a store takes a higher one. */
  readonly epoch: number;
  /** Of a drill's record; empty for any other. */
  readonly stream: string;
  /** In its stream, from 1; 0 where there is no stream. */
  readonly sequence: number;
}

export type ChainRecord = { readonly position: number; readonly link: Buffer } & (
  | {
      readonly kind: 'whole';
      readonly meta: RecordMeta;
      readonly bodyDigest: Buffer;
      readonly nonce: Buffer;
      readonly body: string;
    }
  | { readonly kind: 'pruned'; readonly meta: RecordMeta; readonly bodyDigest: Buffer }
  | { readonly kind: 'withheld'; readonly digest: Buffer }
);

export const nonceBytes = 16;
export const digestBytes = 32;

/** Before the first record: a chain cannot be passed off as another replica's. */
export function chainStart(replica: string): Buffer {
  return hash('sha256', `coffre-chain-1\n${replica}`, 'buffer');
}

export function bodyDigestOf(nonce: Uint8Array, body: string): Buffer {
  return hash('sha256', Buffer.concat([nonce, Buffer.from(body)]), 'buffer');
}

export function digestOf(meta: RecordMeta, bodyDigest: Uint8Array): Buffer {
  const fields = [meta.id, meta.kind, meta.class, `${meta.atMs}`, meta.tenant];
  const drill = [`${meta.epoch}`, meta.stream, `${meta.sequence}`];
  const text = [...fields, ...drill].map(netstring).join('');
  return hash('sha256', Buffer.concat([Buffer.from(`coffre-record-1\n${text}`), bodyDigest]), 'buffer');
}

export function linkOf(before: Uint8Array, position: number, digest: Uint8Array): Buffer {
  const bytes = Buffer.alloc(2 * digestBytes + 8);
  bytes.set(before, 0);
  bytes.writeBigUInt64BE(BigInt(position), digestBytes);
  bytes.set(digest, digestBytes + 8);
  return hash('sha256', bytes, 'buffer');
}

/** `3:abc,`: no two lists of fields give the same text. */
function netstring(field: string): string {
  return `${Buffer.byteLength(field)}:${field},`;
}
