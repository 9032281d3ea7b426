/**
 * The journal as a promise: what it holds, and what may be added. Append-only, and on disk before anything is done.
 *
 * A write waits for the disk on purpose: an effect that may only follow its record has nothing else to do meanwhile.
 * Whoever keeps it chains the records, cuts a write that was torn, and refuses to write behind a record that was changed.
 */

export interface Journal {
  /** What opening it found and mended, for the log; empty if nothing. */
  readonly findings: readonly string[];
  /** Why nothing can be written until somebody mends it; undefined while it can. */
  blocked(): string | undefined;
  /**
   * Tries whether a record would be kept, by a write that leaves nothing and a look at the store as another would open it.
   * @returns why it would not, now or until somebody mends it; undefined if it would.
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
  /** Ascending, over all streams. */
  readonly position: number;
  /** Key of a drill, or another name that is no key. */
  readonly stream: string;
  /** From 1, without gaps, in its stream. */
  readonly sequence: number;
  /** Who wrote it: each opening of the journal takes a higher one. */
  readonly epoch: number;
  /** JSON. */
  readonly body: string;
}
