/** What passes between a store and its reader's thread. */
import type { MessagePort } from 'node:worker_threads';
import type { EventQuery } from '../store.ts';
import type { RawAnswer } from './sqlite-reader.io.ts';

export interface ReaderThreadData {
  readonly path: string;
  readonly replica: string;
  readonly publicKeyPem: string;
  readonly port: MessagePort;
  /** Whether the whole chain is to be checked, besides queries. */
  readonly isChecked: boolean;
}

export type Reading =
  | { readonly kind: 'query'; readonly ticket: number; readonly query: EventQuery }
  | { readonly kind: 'close'; readonly ticket: number };

export type ReadingDone =
  | { readonly kind: 'answer'; readonly ticket: number; readonly answer: RawAnswer }
  | { readonly kind: 'failed'; readonly ticket: number; readonly message: string }
  | { readonly kind: 'closed'; readonly ticket: number }
  /** Told once, unasked. */
  | { readonly kind: 'checked'; readonly records: number; readonly findings: readonly string[] }
  | { readonly kind: 'unreadable'; readonly message: string };
