/**
 * The callee's side of a handover: no door is shut while somebody who may come in is still on the way to it.
 *
 * A filter chain that is not wanted any more stays in its listener for as long as callers may still be led to it, and with
 * it the route, cluster and secrets behind it. What is new in the same listener does not wait.
 * Only what nobody forbade is kept: see `mayHold`.
 */
import type { ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import { type Door, doorsOf, inboundListeners, keepingDoors } from './doors.ts';
import type { HandoverDraft } from './handover-draft.ts';
import { keyOf, type ResourceKey } from './references.ts';

export interface DoorsAsk {
  /** Whether some caller may still be led to this door. */
  isUsed(door: Door): boolean;
  /** False once it was held for long enough, or where rights have changed since. */
  mayHold(key: ResourceKey): boolean;
}

/** @param shown what the proxy was given last. @param draft of what it is to be given now. */
export function holdDoors(shown: ResourceSnapshot, draft: HandoverDraft, ask: DoorsAsk): void {
  if (shown.types.get(typeUrls.listener) === draft.listing(typeUrls.listener)) return;
  for (const before of inboundListeners(shown)) {
    const key = keyOf(before);
    const after = draft.resource(key);
    if (after?.version === before.version || !ask.mayHold(key)) continue;
    const wanted = after === undefined ? new Map() : doorsOf(after);
    const lost = [...doorsOf(before)].filter(([door]) => !wanted.has(door) && ask.isUsed(door));
    if (lost.length === 0) continue;
    const composed = keepingDoors(before, after, new Set(lost.map(([door]) => door)));
    if (composed !== undefined) draft.hold(key, composed.version === before.version ? before : composed);
  }
}
