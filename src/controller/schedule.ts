/** When the loop must look again by itself: time alone changes what is right, at the end of a grant, a rule, a consent or a quarantine and at a certificate's half life. */
import type { AccessPolicy, Snapshot } from '../model/snapshot.ts';

/** Shortest wait for a renewal, in ms: what failed a moment ago is not tried in a hot loop. */
const shortestWaitMs = 250;
/** Longest wait, in ms: a clock that was set back or a timer that was lost costs at most this. */
const longestWaitMs = 60_000;

/** @param renewalsMs epoch ms at which issuers have work again. @returns ms to wait. */
export function waitMs(snapshot: Snapshot | undefined, renewalsMs: readonly number[], nowMs: number): number {
  const endMs = snapshot === undefined ? Infinity : nextEndMs(snapshot);
  // An end is kept to the ms. One that passed while the snapshot was published is overdue; the next snapshot knows of it.
  const untilEnd = Math.max(0, endMs - nowMs);
  const untilRenewal = Math.max(shortestWaitMs, Math.min(...renewalsMs, Infinity) - nowMs);
  return Math.min(untilEnd, untilRenewal, longestWaitMs);
}

function nextEndMs({ grants, policies, drillConsents, quarantines }: Snapshot): number {
  const quarantined = endOf(quarantines, ({ untilMs }) => [{ notAfterMs: untilMs }]);
  return Math.min(endOf(grants, itself), endOf(policies, rulesNotEnded), endOf(drillConsents, itself), quarantined);
}

interface Mortal {
  readonly notAfterMs?: number | undefined;
}

/** By map: a snapshot shares with the one before what did not change, and a value never does. */
const ends = new WeakMap<ReadonlyMap<string, unknown>, number>();

/** @returns epoch ms at which the first of them ends, whether that is past or not; Infinity where none does. */
function endOf<Value>(values: ReadonlyMap<string, Value>, mortalsOf: (value: Value) => readonly Mortal[]): number {
  const known = ends.get(values);
  if (known !== undefined) return known;
  let endMs = Infinity;
  for (const value of values.values()) {
    for (const { notAfterMs = Infinity } of mortalsOf(value)) endMs = Math.min(endMs, notAfterMs);
  }
  ends.set(values, endMs);
  return endMs;
}

function itself(mortal: Mortal): readonly Mortal[] {
  return [mortal];
}

/** Grants and consents that ended are in no snapshot; a rule stays, marked. */
function rulesNotEnded({ allow, deny }: AccessPolicy): readonly Mortal[] {
  return [...allow, ...deny].filter(({ hasEnded }) => hasEnded === undefined);
}
