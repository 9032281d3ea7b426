/**
 * The safety lever of the engine: once pulled no drill begins, until somebody releases it, over restarts too.
 *
 * It works before it is written: a journal that cannot take it keeps nothing from ending.
 */
import type { JournalRecord } from './journal.ts';
import type { Refusal } from './refusal.ts';

/** Its stream in the journal; keys of drills have a `/`. */
const stream = 'lever';

/** Writes one record. @returns why it could not be written; undefined if it was. */
export type AppendRecord = (stream: string, body: string) => string | undefined;

export interface LeverRecord {
  /** Epoch ms. */
  readonly atMs: number;
  readonly pulled: boolean;
  readonly by: string;
  readonly reason: string;
}

export class Lever {
  readonly #append: AppendRecord;
  #newest: LeverRecord | undefined;

  constructor(append: AppendRecord, records: readonly JournalRecord[]) {
    this.#append = append;
    const newest = records.findLast((record) => record.stream === stream);
    if (newest !== undefined) this.#newest = JSON.parse(newest.body);
  }

  /** As it was moved last, if ever. */
  newest(): LeverRecord | undefined {
    return this.#newest;
  }

  /** Moved elsewhere, by whoever commanded there. Of two the later counts. @returns why it could not be written. */
  take(moved: LeverRecord): string | undefined {
    if (this.#newest !== undefined && moved.atMs <= this.#newest.atMs) return undefined;
    this.#newest = moved;
    return this.#append(stream, JSON.stringify(moved));
  }

  /** @returns why it could not be written; it is pulled all the same. */
  pull(by: string, reason: string, nowMs: number): string | undefined {
    this.#newest = { atMs: nowMs, pulled: true, by, reason };
    return this.#append(stream, JSON.stringify(this.#newest));
  }

  /** @returns why it could not be written; it then stays pulled. */
  release(by: string, nowMs: number): string | undefined {
    const released: LeverRecord = { atMs: nowMs, pulled: false, by, reason: '' };
    const unwritten = this.#append(stream, JSON.stringify(released));
    if (unwritten === undefined) this.#newest = released;
    return unwritten;
  }

  refusals(): readonly Refusal[] {
    if (!this.#newest?.pulled) return [];
    const { by, reason } = this.#newest;
    const message = `the lever was pulled by \`${by}\`${reason === '' ? '' : `: ${reason}`}`;
    return [
      { message, advice: 'once the reason is gone, have somebody who may act for the mesh `coffre drill release` it' },
    ];
  }
}
