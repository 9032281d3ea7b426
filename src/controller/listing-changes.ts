/**
 * What differs between two listings, found once for all proxies that share both.
 *
 *   former, next ──▶ resources of other content, those that are gone       next, and the same former ──▶ the very same answer
 *
 * A class of proxies has its listings in common, and each of its members is asked about on its way through the canaries and
 * through the handover: of a change the first one costs a walk along the two, and the others a look.
 */
import type { Listing, Resource } from '../xds/resource.ts';

export interface ListingChanges {
  /** In the order of the next one. */
  readonly changed: readonly ResourceChange[];
  readonly gone: readonly Resource[];
  /** Whether what has the same content is the very same value in both. */
  readonly isKept: boolean;
}

export interface ResourceChange {
  /** Absent where there was nothing of this name. */
  readonly before?: Resource;
  readonly after: Resource;
}

const nothing: Listing = new Map();

/** By the next one: a listing seldom follows two others. */
const known = new WeakMap<Listing, { readonly former: Listing; readonly changes: ListingChanges }>();

export function listingChanges(former: Listing = nothing, next: Listing = nothing): ListingChanges {
  const last = known.get(next);
  if (last?.former === former) return last.changes;
  const changes = compared(former, next);
  known.set(next, { former, changes });
  return changes;
}

function compared(former: Listing, next: Listing): ListingChanges {
  const changed: ResourceChange[] = [];
  let isKept = true;
  let stayed = 0;
  for (const [name, after] of next) {
    const before = former.get(name);
    if (before !== undefined) stayed += 1;
    if (before === undefined) changed.push({ after });
    else if (before.version !== after.version) changed.push({ before, after });
    else isKept &&= before === after;
  }
  const isAllThere = stayed === former.size;
  const gone = isAllThere ? [] : [...former].flatMap(([name, before]) => (next.has(name) ? [] : [before]));
  return { changed, gone, isKept };
}
