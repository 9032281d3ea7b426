/**
 * A batch handed to a sink, and divided where it is refused, until the record is alone that the sink will never take.
 *
 *   refused (n) ──▶ first half, then second half ──▶ … ──▶ refused (1) ──▶ put aside
 *
 * In order throughout, so what is done is always a beginning of the batch. One bad record among n costs 2 log n calls.
 */
import type { Delivery, SinkRecord } from './sink.ts';

export interface HandOver {
  /** How many of the batch, from its first, need not be sent again. */
  readonly done: number;
  /** Why not all. */
  readonly stopped?: Exclude<Delivery, { readonly kind: 'delivered' | 'refused' }>;
}

export async function handOver<R extends SinkRecord>(
  batch: readonly R[],
  deliver: (batch: readonly R[]) => Promise<Delivery>,
  putAside: (record: R, why: string) => Promise<Delivery>,
): Promise<HandOver> {
  if (batch.length === 0) return { done: 0 };
  const delivery = await deliver(batch);
  if (delivery.kind === 'delivered') return { done: batch.length };
  if (delivery.kind === 'retry') return { done: 0, stopped: delivery };
  const [only] = batch;
  if (batch.length === 1 && only !== undefined) {
    const kept = await putAside(only, delivery.message);
    return kept.kind === 'retry' ? { done: 0, stopped: kept } : { done: 1 };
  }
  const half = Math.ceil(batch.length / 2);
  const first = await handOver(batch.slice(0, half), deliver, putAside);
  if (first.stopped !== undefined) return first;
  const second = await handOver(batch.slice(half), deliver, putAside);
  return { ...second, done: first.done + second.done };
}
