/**
 * The caller's side of a handover: nobody is led to an endpoint before its own sidecar lets callers in.
 *
 *   endpoints   those that are not open yet are left out of the assignment
 *   clusters    a new one without any open endpoint is not there yet
 *   ways        a listener or route that would newly lead to such a cluster stays as it was, and with it the clusters,
 *               endpoints and secrets that it leads to
 *
 * An endpoint that is gone is gone at once, but where nobody would be left: the last of a cluster that is led to stay until
 * one of those that replace them is open, and those of a cluster that is gone until no way that is held leads there. Who
 * stays must still exist; where nobody does, those that are not open yet are better than none.
 *
 * The surprise: a way may wait for one cluster, and before that is there be led to another new one. It waits no longer for
 * that: what a way leads to that was held for long enough is held no more, however new it is.
 */
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import { type EndpointKey, endpointsOf, withoutEndpoints } from './doors.ts';
import { HandoverDraft, resourceIn } from './handover-draft.ts';
import { listingChanges } from './listing-changes.ts';
import { keyOf, type ResourceKey, referencesOf } from './references.ts';

export interface WaysAsk {
  /** Whether callers like this one are let in there; false only where they are about to be. */
  isOpen(endpoint: EndpointKey): boolean;
  /** Whether that workload still exists, ready or not. */
  isThere(endpoint: EndpointKey): boolean;
  /** False once it was held for long enough, or where holding it might keep something open. */
  mayHold(key: ResourceKey): boolean;
}

/** Routes first: a new listener has to wait for its new route. */
const wayTypes = [typeUrls.route, typeUrls.listener] as const;

/** @param shown what the proxy was given last. */
export function holdWays(shown: ResourceSnapshot, wanted: ResourceSnapshot, ask: WaysAsk): HandoverDraft {
  const draft = new HandoverDraft(shown, wanted);
  const deserted = leaveOutClosed(draft, shown, wanted, ask);
  if (deserted.size > 0) holdWaysTo(deserted, draft, shown, wanted);
  for (const kept of draft.kept(typeUrls.endpoints)) {
    draft.replace(keeping(kept, [...endpointsOf(kept)].filter(ask.isThere)));
  }
  return draft;
}

/** @returns clusters of which nobody can be shown yet. */
function leaveOutClosed(
  draft: HandoverDraft,
  shown: ResourceSnapshot,
  wanted: ResourceSnapshot,
  ask: WaysAsk,
): ReadonlySet<ResourceKey> {
  const deserted = new Set<ResourceKey>();
  const hasWaited = overdueIn(shown, wanted, ask);
  const listing = wanted.types.get(typeUrls.endpoints);
  const shownListing = shown.types.get(typeUrls.endpoints);
  if (listing === undefined || listing === shownListing) return deserted;
  for (const { before: former, after: assignment } of listingChanges(shownListing, listing).changed) {
    const key = keyOf(assignment);
    const before: ReadonlySet<EndpointKey> = former === undefined ? new Set() : endpointsOf(former);
    const all = [...endpointsOf(assignment)];
    const closed = all.filter((endpoint) => !before.has(endpoint) && !ask.isOpen(endpoint));
    if (closed.length === 0 || !ask.mayHold(key)) continue;
    if (closed.length < all.length) {
      draft.hold(key, withoutEndpoints(assignment, new Set(closed)));
    } else if (former === undefined) {
      const clusters = clustersOf(wanted, key);
      if (clusters.some(hasWaited)) continue;
      draft.hold(key, undefined);
      for (const cluster of clusters) deserted.add(cluster);
    } else {
      const stay = [...before].filter(ask.isThere);
      if (stay.length > 0) draft.hold(key, keeping(former, stay));
    }
  }
  return deserted;
}

/** @returns whether a cluster, or a way that leads there, was held for long enough; worked out when it is first asked. */
function overdueIn(shown: ResourceSnapshot, wanted: ResourceSnapshot, ask: WaysAsk): (cluster: ResourceKey) => boolean {
  let ledTo: Set<ResourceKey> | undefined;
  const lead = (keys: Iterable<ResourceKey>, seen: Set<ResourceKey>) => {
    for (const key of keys) {
      const to = seen.has(key) ? undefined : resourceIn(wanted, key);
      seen.add(key);
      if (to !== undefined) lead(referencesOf(to), seen);
    }
  };
  const workOut = () => {
    const seen = new Set<ResourceKey>();
    for (const typeUrl of wayTypes) {
      for (const way of wanted.types.get(typeUrl)?.values() ?? []) {
        const key = keyOf(way);
        if (resourceIn(shown, key)?.version !== way.version && !ask.mayHold(key)) lead([key], seen);
      }
    }
    return seen;
  };
  return (cluster) => {
    ledTo ??= workOut();
    return !ask.mayHold(cluster) || ledTo.has(cluster);
  };
}

function keeping(assignment: Resource, stay: readonly EndpointKey[]): Resource {
  const left = [...endpointsOf(assignment)].filter((endpoint) => !stay.includes(endpoint));
  return left.length === 0 ? assignment : withoutEndpoints(assignment, new Set(left));
}

/** Holds the clusters, and whatever would lead to them or to something that is held for them. */
function holdWaysTo(
  deserted: ReadonlySet<ResourceKey>,
  draft: HandoverDraft,
  shown: ResourceSnapshot,
  wanted: ResourceSnapshot,
): void {
  const absent = new Set(deserted);
  for (const cluster of deserted) draft.hold(cluster, resourceIn(shown, cluster));
  for (const typeUrl of wayTypes) {
    for (const after of wanted.types.get(typeUrl)?.values() ?? []) {
      const key = keyOf(after);
      const before = resourceIn(shown, key);
      if (before?.version === after.version || ![...referencesOf(after)].some((to) => absent.has(to))) continue;
      draft.hold(key, before);
      if (before === undefined) absent.add(key);
    }
  }
}

function clustersOf({ types }: ResourceSnapshot, assignment: ResourceKey): readonly ResourceKey[] {
  const clusters = [...(types.get(typeUrls.cluster)?.values() ?? [])];
  return clusters.filter((cluster) => referencesOf(cluster).has(assignment)).map(keyOf);
}
