/**
 * Resources that for a while stand in for those of a snapshot, without touching it.
 *
 *   snapshot + overlay ──laidOver──▶ snapshot as one client may see it
 *
 * An overlay replaces what is there and adds nothing: it is never the reason why a client hears of a resource or a type.
 * The surprise: an overlay with a TTL is shown only where the TTL travels with it. To a client that would keep it for
 * ever, the snapshot's own resource is shown instead.
 */
import type { Listing, Resource, ResourceSnapshot } from './resource.ts';

/** By type URL and then by name. */
export type Overlay = ReadonlyMap<string, Listing>;

export function overlayOf(resources: readonly Resource[]): Overlay {
  const overlay = new Map<string, Map<string, Resource>>();
  for (const resource of resources) {
    const listing = overlay.get(resource.typeUrl) ?? new Map();
    overlay.set(resource.typeUrl, listing.set(resource.name, resource));
  }
  return overlay;
}

/** @param takesTtl whether a TTL reaches the client in resources of this type. */
export function laidOver(
  snapshot: ResourceSnapshot,
  overlay: Overlay,
  takesTtl: (typeUrl: string) => boolean,
): ResourceSnapshot {
  const types = new Map(snapshot.types);
  for (const [typeUrl, laid] of overlay) {
    const listing = snapshot.types.get(typeUrl);
    if (listing === undefined) continue;
    const shown = [...laid].filter(
      ([name, { ttlMs }]) => listing.has(name) && (ttlMs === undefined || takesTtl(typeUrl)),
    );
    if (shown.length > 0) types.set(typeUrl, new Map([...listing, ...shown]));
  }
  return { revision: snapshot.revision, types };
}
