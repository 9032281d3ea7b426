/** What whoever tells an event needs, and what the recorder itself does. */
import type { EvidenceEvent } from '../event.ts';

export interface EvidenceClock {
  /** Epoch ms. */
  nowMs(): number;
  /** @returns cancels the timer; may be called twice. */
  setTimer(afterMs: number, then: () => void): () => void;
}

/** Where adapters take their events to. */
export interface Teller {
  readonly clock: EvidenceClock;
  /** A new name for an event, at most 64 characters, that nobody else has given or will. */
  newId(): string;
  /** Never throws, never waits. */
  record(event: EvidenceEvent): void;
}
