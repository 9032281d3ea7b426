/**
 * The evidence store as a promise: append-only, chained, signed, and on disk before anybody is told so.
 *
 *   append ──▶ chain (per replica) ──▶ disk ──▶ signed head ──▶ acknowledged ──▶ queries, sinks, export
 *
 * One port, two stores: SQLite in a thread of its own, PostgreSQL shared by replicas. Neither throws at its caller: a
 * store that cannot write says so in its answer, and whoever depends on it refuses or counts.
 */
import type { EventKind, EvidenceEvent, RetentionClass } from './event.ts';

export interface EvidenceStore {
  /** Name of this replica's chain. */
  readonly replica: string;
  /** All of them or none; the answer comes when they are on disk and under a signed head. An id that is kept already is skipped. */
  append(events: readonly EvidenceEvent[]): Promise<AppendAnswer>;
  /**
   * The same in the caller's own turn, for an effect that may only follow its record. It waits for the disk.
   * @param after sequence of the newest record of the event's stream that the caller knows, 0 where there is none: a compare-and-set.
   */
  appendDrill(stream: string, after: number, body: string, about: DrillAbout): DrillAppendAnswer;
  /** Every drill record that can be trusted, by position; read once, at the start. */
  drillRecords(): readonly StoredDrill[];
  /** Why nothing can be written until somebody mends it; undefined while it can. Cheap. */
  blocked(): string | undefined;
  /** Tries in the caller's turn whether a record would be kept. @returns why not; undefined if it would. */
  probe(): string | undefined;
  /** Newest first, or oldest first behind `after`. Never delays a write. */
  query(query: EventQuery): Promise<QueryAnswer>;
  /** The newest; undefined before the first record. */
  head(): SignedHead | undefined;
  /** PEM, of the key that signs this replica's heads. */
  readonly publicKeyPem: string;
  /** What opening it found and mended, for the log; empty if nothing. */
  readonly findings: readonly string[];
  /** Takes the bodies away that are older than their class is kept; what it took is an event of the chain. */
  prune(rules: RetentionRules, nowMs: number): Promise<PruneAnswer>;
  close(): Promise<void>;
}

export interface DrillAbout {
  readonly atMs: number;
  readonly tenant: string;
}

export type AppendAnswer =
  | { readonly kind: 'kept'; readonly head: SignedHead; readonly skipped: number }
  /** The next may succeed. `full`: no space. */
  | { readonly kind: 'failed'; readonly full: boolean; readonly message: string }
  /** Another process has opened the store after us, or its records were changed: this one writes no more. */
  | { readonly kind: 'blocked'; readonly message: string };

export type DrillAppendAnswer =
  | { readonly kind: 'appended'; readonly sequence: number }
  | { readonly kind: 'conflict' | 'fenced' | 'failed'; readonly message: string };

export interface StoredDrill {
  readonly position: number;
  readonly stream: string;
  readonly sequence: number;
  readonly epoch: number;
  /** Empty where it was taken away for its age: the place in the stream is left, and the next one goes behind it. */
  readonly body: string;
}

export interface StoredEvent {
  readonly replica: string;
  /** From 1, without gaps, in its replica's chain. */
  readonly position: number;
  readonly event: EvidenceEvent;
}

export interface EventQuery {
  /** An event's id, or a decision's or a trace's. */
  readonly id?: string;
  readonly kinds?: readonly EventKind[];
  /** Only events of this tenant: the caller's scope, or its wish. */
  readonly tenant?: string;
  /** SPIFFE ID, workload key, or `namespace/serviceAccount`, of either side. */
  readonly identity?: string;
  readonly from?: string;
  readonly to?: string;
  /** Exact, or a prefix that ends in `*`. */
  readonly path?: string;
  readonly verdict?: 'allow' | 'deny' | 'unavailable';
  /** Epoch ms, inclusive. */
  readonly sinceMs?: number;
  /** Epoch ms, exclusive. */
  readonly untilMs?: number;
  /** Oldest first, behind these positions; of a replica that is not named, from its end at that moment. */
  readonly after?: Cursor;
  /** 1 to `eventsPerAnswerMax`. */
  readonly limit: number;
}

/** Position by replica. */
export type Cursor = Readonly<Record<string, number>>;

export const eventsPerAnswerMax = 1_000;

export type QueryAnswer =
  | {
      readonly kind: 'events';
      readonly events: readonly StoredEvent[];
      /** Everything up to here was looked at: where the next query with `after` goes on. */
      readonly cursor: Cursor;
      /** There are more behind the limit. */
      readonly more: boolean;
      /** Replicas that did not answer. */
      readonly silent: readonly string[];
    }
  | { readonly kind: 'failed'; readonly message: string };

export interface SignedHead {
  readonly replica: string;
  readonly position: number;
  /** Of the record at that position, hexadecimal. */
  readonly hash: string;
  /** Epoch ms. */
  readonly atMs: number;
  /** Ed25519, base64. */
  readonly signature: string;
}

/** In ms; a class that is absent is kept for good. */
export type RetentionRules = Partial<Readonly<Record<RetentionClass, number>>>;

export type PruneAnswer =
  | { readonly kind: 'pruned'; readonly records: number }
  | { readonly kind: 'failed'; readonly message: string };
