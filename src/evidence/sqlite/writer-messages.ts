/**
 * What passes between a store and its writer's thread.
 *
 *   work     appends, prunings: one after another, appends that wait at the same time are one commit
 *   urgent   what a caller waits for in its own turn: between two commits, before any work
 *
 * The state of an urgent request is one shared number, moved by compare-and-exchange alone: who waits may give up until the
 * writer is about to commit, and then never; so what was given up is not written.
 *
 *   asked ──▶ committing ──▶ answered
 *     └─────▶ abandoned
 */
import type { KeyObject } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { RecordDraft } from '../chain/record-draft.ts';
import type { AppendAnswer, DrillAppendAnswer, PruneAnswer, RetentionRules, SignedHead } from '../store.ts';
import type { DrillDraft } from './sqlite-writer.io.ts';

export const asked = 0;
export const committing = 1;
export const answered = 2;
export const abandoned = 3;

export interface WriterThreadData {
  readonly path: string;
  readonly replica: string;
  readonly signingKey: KeyObject;
  readonly bytesMax: number;
  readonly nowMs: number;
  readonly work: MessagePort;
  readonly urgent: MessagePort;
}

/** The first message of the work port. */
export type Opening =
  | {
      readonly kind: 'opened';
      readonly epoch: number;
      readonly findings: readonly string[];
      readonly blocked: string | undefined;
      /** Position from which on nothing is trusted. */
      readonly damagedAt: number | undefined;
      readonly head: SignedHead | undefined;
    }
  | { readonly kind: 'failed'; readonly message: string };

export type Work = { readonly ticket: number } & (
  | { readonly kind: 'append'; readonly drafts: readonly RecordDraft[]; readonly atMs: number }
  | { readonly kind: 'prune'; readonly rules: RetentionRules; readonly nowMs: number }
  /** Write no more: the reader has found damage. */
  | { readonly kind: 'block'; readonly message: string }
  | { readonly kind: 'close' }
);

export interface WorkDone {
  readonly ticket: number;
  readonly answer: AppendAnswer | PruneAnswer | { readonly kind: 'done' };
}

export type Urgent = { readonly ticket: number; readonly state: Int32Array<SharedArrayBuffer> } & (
  | { readonly kind: 'drill'; readonly drill: DrillDraft }
  | { readonly kind: 'probe' }
);

/** @template Outcome what the store says of a drill's record. */
export interface UrgentDone<Outcome = DrillAppendAnswer> {
  readonly ticket: number;
  readonly answer: Outcome | Probed;
  readonly head: SignedHead | undefined;
}

export interface Probed {
  readonly kind: 'probed';
  readonly refusal: string | undefined;
}
