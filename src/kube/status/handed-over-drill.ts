/**
 * What is said of a drill by a leader that has not led its newest run: what a former leader wrote last stands, and what
 * that one had under way ended with it.
 *
 *   declared, over a run that is over ──▶ that run          declared, over a run under way ──▶ aborted
 *
 * Runs are kept by the replica that led them. The fault is gone from every proxy, by its TTL at the latest.
 */
import { isRecord } from '../../model/prune.ts';
import type { DrillFields } from './drill-fields.ts';

const over: ReadonlySet<unknown> = new Set(['completed', 'aborted', 'failed']);
const underWay: ReadonlySet<unknown> = new Set(['approved', 'running', 'aborting', 'recovering']);

const message = 'the leader that ran it is gone; every fault it had laid has ended by itself';

/** @param before status as it stands. */
export function handedOver(before: Readonly<Record<string, unknown>>, drill: DrillFields): object {
  const { phase, message: said, run } = before;
  if (!isRecord(run) || !isNewer(run, drill)) return drill;
  if (over.has(phase)) return { phase, ...(said === undefined ? {} : { message: said }), run };
  return underWay.has(phase) ? { phase: 'aborted', message, run } : drill;
}

/** Moments of one form are in the order of their texts. */
function isNewer({ startedAt = '' }: Readonly<Record<string, unknown>>, { phase, run }: DrillFields): boolean {
  return phase === 'declared' || (run?.startedAt !== undefined && String(startedAt) > run.startedAt);
}
