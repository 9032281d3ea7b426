/**
 * What differs between two listings, found once for all proxies that share both.
 *
 *   former, next ──▶ resources of other content, those that are gone       next, and the same former ──▶ the very same answer
 *
 * A class of proxies has its listings in common, and each of its members is asked about on its way through the canaries and
 * through the handover: of a change the first one costs a walk along the two, and the others a look. Two of one proxy that
 * lie over the same of its class are walked along only where they may differ.
 */
import type { Listing, Resource } from '../xds/resource.ts';
import { Overlaid } from './overlaid.ts';

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
  const apart = isOverlaid(former) && isOverlaid(next) ? next.namesApart(former) : undefined;
  const changed: ResourceChange[] = [];
  let isKept = true;
  let stayed = 0;
  for (const name of apart ?? next.keys()) {
    const [before, after] = [former.get(name), next.get(name)];
    if (after === undefined) continue;
    if (before !== undefined) stayed += 1;
    if (before === undefined) changed.push({ after });
    else if (before.version !== after.version) changed.push({ before, after });
    else isKept &&= before === after;
  }
  const isAllThere = apart === undefined && stayed === former.size;
  const gone = isAllThere ? [] : goneOf(apart ?? former.keys(), former, next);
  return { changed, gone, isKept };
}

function goneOf(names: Iterable<string>, former: Listing, next: Listing): readonly Resource[] {
  const gone: Resource[] = [];
  for (const name of names) {
    const before = next.has(name) ? undefined : former.get(name);
    if (before !== undefined) gone.push(before);
  }
  return gone;
}

/** Of one proxy, laid over what its class shares. */
function isOverlaid(listing: Listing): listing is Overlaid<Resource> {
  return listing instanceof Overlaid;
}
