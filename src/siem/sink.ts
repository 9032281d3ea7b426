/**
 * What a sink is: somewhere that takes a batch of records and says what became of it.
 *
 * A sink keeps nothing and retries nothing. What it did not take is in the evidence store still, and comes again.
 */
import type { Severity } from './ocsf-record.ts';

export interface Sink {
  /**
   * In order, and all of them or it is not delivered; some may have arrived then, and will again. Never throws.
   * @param signal its deadline, and the end of the process.
   */
  deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery>;
  /** Lets go of what it holds; called once, after the last delivery. */
  close(): Promise<void>;
}

export interface SinkRecord {
  /** OCSF as one line of ASCII, without a line end. */
  readonly line: string;
  readonly id: string;
  /** `metadata.event_code`: letters and hyphens. */
  readonly code: string;
  readonly tenant: string;
  readonly severity: Severity;
  /** Epoch ms. */
  readonly atMs: number;
}

export type Delivery =
  /** Every record is where the sink promises to bring it. */
  | { readonly kind: 'delivered' }
  /** Not now. `afterMs`: what the other side asked us to wait. */
  | { readonly kind: 'retry'; readonly message: string; readonly afterMs?: number }
  /** Never: something in this batch will not be taken, however often it comes. */
  | { readonly kind: 'refused'; readonly message: string };

export const delivered: Delivery = { kind: 'delivered' };

/** Longest message of a failure, in UTF-16 units: the other side may have written it. */
const messageLengthMax = 300;

export function retry(error: unknown): Delivery {
  return { kind: 'retry', message: messageOf(error) };
}

export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, messageLengthMax);
}
