/** When the loop must look again by itself: time alone changes what is right, at the end of a grant or a consent and at a certificate's half life. */
import type { Snapshot } from '../model/snapshot.ts';

/** Shortest wait for a renewal, in ms: what failed a moment ago is not tried in a hot loop. */
const shortestWaitMs = 250;
/** Longest wait, in ms: a clock that was set back or a timer that was lost costs at most this. */
const longestWaitMs = 60_000;

/** @param renewalsMs epoch ms at which issuers have work again. @returns ms to wait. */
export function waitMs(snapshot: Snapshot | undefined, renewalsMs: readonly number[], nowMs: number): number {
  const endMs = snapshot === undefined ? Infinity : Math.min(endOf(snapshot.grants), endOf(snapshot.drillConsents));
  // An end is kept to the ms. One that passed while the snapshot was published is overdue; the next snapshot is without it.
  const untilEnd = Math.max(0, endMs - nowMs);
  const untilRenewal = Math.max(shortestWaitMs, Math.min(...renewalsMs, Infinity) - nowMs);
  return Math.min(untilEnd, untilRenewal, longestWaitMs);
}

type Mortals = ReadonlyMap<string, { readonly notAfterMs?: number | undefined }>;

/** By map: a snapshot shares with the one before what did not change, and a value never does. */
const ends = new WeakMap<Mortals, number>();

/** @returns epoch ms at which the first of them ends, whether that is past or not; Infinity where none does. */
function endOf(mortals: Mortals): number {
  const known = ends.get(mortals);
  if (known !== undefined) return known;
  let endMs = Infinity;
  for (const { notAfterMs = Infinity } of mortals.values()) endMs = Math.min(endMs, notAfterMs);
  ends.set(mortals, endMs);
  return endMs;
}
