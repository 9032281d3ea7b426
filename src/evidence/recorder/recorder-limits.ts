/** How much evidence may wait for the disk. */
import type { RetentionClass } from '../event.ts';
import type { ShelfLimits } from './shelf.ts';

export interface RecorderLimits {
  /** By class: a flood of one never pushes out another's. */
  readonly shelves: Readonly<Record<RetentionClass, ShelfLimits>>;
  /** Of what somebody waits for: it is refused rather than pushed out. */
  readonly promised: ShelfLimits;
  /** Of one write. A promise that is larger is a write of its own. */
  readonly batch: ShelfLimits;
  /** Longest JSON of one event, in characters. The longest that we make names a hundred objects. */
  readonly eventCharactersMax: number;
  /** Until the next attempt after one that failed, in ms. */
  readonly retryMs: number;
  /** Longest that a write may stay unanswered until the store counts as not well, in ms. A disk that is merely busy is back by then. */
  readonly answerMs: number;
}

const mebibyte = 1_024 * 1_024;

/** All shelves together bound the memory: 28 MiB. What a mesh says in a second of an attack fits; what it says in an hour without a disk does not. */
export const recorderLimits: RecorderLimits = {
  shelves: {
    traffic: { itemsMax: 4_096, bytesMax: 4 * mebibyte },
    security: { itemsMax: 8_192, bytesMax: 8 * mebibyte },
    operations: { itemsMax: 4_096, bytesMax: 4 * mebibyte },
    audit: { itemsMax: 4_096, bytesMax: 8 * mebibyte },
  },
  promised: { itemsMax: 256, bytesMax: 4 * mebibyte },
  batch: { itemsMax: 512, bytesMax: mebibyte },
  eventCharactersMax: 65_536,
  retryMs: 1_000,
  answerMs: 10_000,
};
