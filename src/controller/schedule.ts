/** When the loop must look again by itself: time alone changes what is right, at the end of a grant or a consent and at a certificate's half life. */
import type { Snapshot } from '../model/snapshot.ts';

/** Shortest wait for a renewal, in ms: what failed a moment ago is not tried in a hot loop. */
const shortestWaitMs = 250;
/** Longest wait, in ms: a clock that was set back or a timer that was lost costs at most this. */
const longestWaitMs = 60_000;

/** @param renewalsMs epoch ms at which issuers have work again. @returns ms to wait. */
export function waitMs(snapshot: Snapshot | undefined, renewalsMs: readonly number[], nowMs: number): number {
  const mortal = [...(snapshot?.grants.values() ?? []), ...(snapshot?.drillConsents.values() ?? [])];
  const ends = mortal.map(({ notAfterMs = Infinity }) => notAfterMs);
  // An end is kept to the ms. One that passed while the snapshot was published is overdue; the next snapshot is without it.
  const untilEnd = Math.max(0, Math.min(...ends, Infinity) - nowMs);
  const untilRenewal = Math.max(shortestWaitMs, Math.min(...renewalsMs, Infinity) - nowMs);
  return Math.min(untilEnd, untilRenewal, longestWaitMs);
}
