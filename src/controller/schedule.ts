/** When the loop must look again by itself: time alone changes what is right, at a grant's end and at a certificate's half life. */
import type { Snapshot } from '../model/snapshot.ts';

/** Shortest wait before the loop looks again by itself, in ms: what failed a moment ago is not tried in a hot loop. */
const shortestWaitMs = 250;
/** Longest wait, in ms: a clock that was set back or a timer that was lost costs at most this. */
const longestWaitMs = 60_000;

/** @param renewalsMs epoch ms at which issuers have work again. @returns ms to wait. */
export function waitMs(snapshot: Snapshot | undefined, renewalsMs: readonly number[], nowMs: number): number {
  const ends = [...(snapshot?.grants.values() ?? [])].flatMap(({ notAfterMs }) =>
    notAfterMs !== undefined && notAfterMs > nowMs ? [notAfterMs] : [],
  );
  const next = Math.min(Infinity, ...ends, ...renewalsMs.filter((atMs) => !Number.isNaN(atMs)));
  const untilNext = next - nowMs;
  // A grant's end is kept to the ms; only what is overdue waits.
  return untilNext <= 0 ? shortestWaitMs : Math.min(untilNext, longestWaitMs);
}
