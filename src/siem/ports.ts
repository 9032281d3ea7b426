/** What sinks and their forwarders ask of their host. */
import type { EvidenceStore } from '../evidence/store.ts';

export interface SinkPorts {
  readonly store: EvidenceSource;
  readonly clock: SinkClock;
  /** 0 to 1, exclusive; for the spread of retries. */
  random(): number;
  /** Must not throw. */
  observe(event: SinkEvent): void;
  /** Where cursors and dead letters are kept; it exists, and is ours alone. */
  readonly folder: string;
}

export type EvidenceSource = Pick<EvidenceStore, 'replica' | 'query' | 'head'>;

export interface SinkClock {
  /** Epoch ms. */
  nowMs(): number;
  /** @returns cancels the timer; may be called twice. */
  setTimer(afterMs: number, then: () => void): () => void;
}

export type SinkEvent =
  /** Told once, until it recovers. */
  | { readonly kind: 'sink-failing'; readonly sink: string; readonly message: string }
  | { readonly kind: 'sink-recovered'; readonly sink: string; readonly failedMs: number }
  /** Retention took them before they were told. `exact`: false where the sink wants some classes only, and they may be of others. */
  | { readonly kind: 'sink-lost'; readonly sink: string; readonly count: number; readonly exact: boolean }
  /** The chain ends before what was told: it was cut, or restored from an older backup. */
  | { readonly kind: 'sink-ahead'; readonly sink: string; readonly told: number; readonly head: number }
  /** The record will never be taken, and was put aside. */
  | { readonly kind: 'sink-dead-letter'; readonly sink: string; readonly id: string; readonly message: string };

/** A forwarder at one moment. */
export interface SinkState {
  readonly name: string;
  /** Newest position that was told. */
  readonly position: number;
  /** Records of the chain behind it. */
  readonly lag: number;
  readonly delivered: number;
  readonly deadLetters: number;
  readonly lost: number;
  /** Epoch ms; undefined before the first. */
  readonly deliveredAtMs: number | undefined;
  /** Why the last attempt failed; undefined while it works. */
  readonly failing: string | undefined;
}
