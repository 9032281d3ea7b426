/**
 * What passes between a store in PostgreSQL and its writer's thread; the state of what is urgent is that of
 * writer-messages.ts.
 *
 * Besides, one number is shared: whether another control plane has taken this replica's chain. The writer hears of it from
 * the server, and the store reads it without asking anybody.
 */
import type { KeyObject } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { UrgentDone } from '../sqlite/writer-messages.ts';
import type { DrillAppendAnswer, SignedHead, StoredDrill } from '../store.ts';
import type { PostgresAddress } from './postgres-address.ts';

export const fencedMessage =
  'another control plane has opened the chain of this replica after this one; this one writes no more';

/** Values of the shared number. */
export const isOurs = 0;
export const isFenced = 1;

export interface PostgresThreadData {
  readonly address: PostgresAddress;
  readonly replica: string;
  readonly signingKey: KeyObject;
  readonly nowMs: number;
  readonly fence: Int32Array<SharedArrayBuffer>;
  readonly work: MessagePort;
  readonly urgent: MessagePort;
}

export interface PostgresOpened {
  readonly kind: 'opened';
  readonly epoch: number;
  readonly findings: readonly string[];
  readonly blocked: string | undefined;
  readonly head: SignedHead | undefined;
  /** Of every replica, those that can be trusted. */
  readonly drills: readonly StoredDrill[];
}

/** The first message of the work port. */
export type PostgresOpening = PostgresOpened | { readonly kind: 'failed'; readonly message: string };

export type DrillOutcome =
  | { readonly kind: 'appended'; readonly sequence: number; readonly position: number; readonly epoch: number }
  | (Exclude<DrillAppendAnswer, { readonly kind: 'appended' }> & {
      /** The server was committing it when it was lost. */
      readonly mayBeKept: boolean;
    });

export type PostgresUrgentDone = UrgentDone<DrillOutcome>;
