/**
 * The journal as a promise: what it holds, what may be added, and the chain that makes a changed record visible.
 *
 *   checksum = SHA-256 over the checksum before it and everything the record says
 *
 * A last record that does not fit is taken for a write that was torn, and cut. Any other was changed after it was
 * written: then nothing is known of what came since, and nothing more is written behind it.
 */
import { createHash } from 'node:crypto';

export interface Journal {
  /** What opening it found and mended, for the log; empty if nothing. */
  readonly findings: readonly string[];
  /** Why nothing can be written until somebody mends it; undefined while it can. */
  blocked(): string | undefined;
  /**
   * Tries whether a record would be kept, by a write that leaves nothing and a look at the file as another would open it.
   * @returns why it would not, now or until somebody mends it; undefined if it would. One fsync.
   */
  probe(): string | undefined;
  /** Every record that can be trusted, by position. */
  records(): Iterable<JournalRecord>;
  /**
   * Adds one record, on disk when it returns: a compare-and-set.
   * @param after sequence of the newest record of the stream that the caller knows; 0 where there is none.
   */
  append(stream: string, after: number, body: string): AppendAnswer;
  close(): void;
}

export type AppendAnswer =
  | { readonly kind: 'appended'; readonly sequence: number }
  /** Somebody wrote to the stream meanwhile. */
  | { readonly kind: 'conflict'; readonly message: string }
  /** Somebody opened the journal after us: every later write of ours is refused too. */
  | { readonly kind: 'fenced'; readonly message: string }
  /** It could not be written now; the next may succeed. */
  | { readonly kind: 'failed'; readonly message: string };

export interface JournalRecord {
  /** From 1, without gaps, over all streams. */
  readonly position: number;
  /** Key of a drill, or another name that is no key. */
  readonly stream: string;
  /** From 1, without gaps, in its stream. */
  readonly sequence: number;
  /** Who wrote it: each opening of the journal takes a higher one. */
  readonly epoch: number;
  /** JSON. */
  readonly body: string;
  /** Hexadecimal. */
  readonly checksum: string;
}

/** Before the first. */
export const chainStart = '0'.repeat(64);

export function checksumOf(before: string, record: Omit<JournalRecord, 'checksum'>): string {
  const { position, stream, sequence, epoch, body } = record;
  return createHash('sha256')
    .update(JSON.stringify([before, position, stream, sequence, epoch, body]))
    .digest('hex');
}

export type ChainJudgement =
  | { readonly kind: 'whole' }
  /** Only the last does not fit. */
  | { readonly kind: 'torn'; readonly position: number }
  | { readonly kind: 'changed'; readonly position: number };

/** @param records all of them, by position. */
export function judgeChain(records: Iterable<JournalRecord>): ChainJudgement {
  let before = chainStart;
  let last = 0;
  let firstBad: number | undefined;
  for (const record of records) {
    if (firstBad !== undefined) return { kind: 'changed', position: firstBad };
    const fits = record.position === last + 1 && record.checksum === checksumOf(before, record);
    if (!fits) firstBad = record.position;
    before = record.checksum;
    last = record.position;
  }
  return firstBad === undefined ? { kind: 'whole' } : { kind: 'torn', position: firstBad };
}
