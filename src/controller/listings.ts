/** Resources by type and name, as a client is told them. */
import { isSameList } from '../model/keep-unchanged.ts';
import { programTypeUrl } from '../policy/program.ts';
import type { Listing, Resource } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';

export type Listings = ReadonlyMap<string, Listing>;

/** Said of every proxy, be the list empty: a type that a snapshot does not speak of is left as the client has it. */
const servedTypes: readonly string[] = [...Object.values(typeUrls), programTypeUrl];

/**
 * @param former those of before: what is equal to them is the very same value, down from all listings to one.
 * @throws where two resources of a type have one name.
 */
export function listingsOf(resources: Iterable<Resource>, former?: Listings): Listings {
  const types = new Map<string, Map<string, Resource>>(servedTypes.map((typeUrl) => [typeUrl, new Map()]));
  for (const resource of resources) {
    const ofType = types.get(resource.typeUrl) ?? new Map<string, Resource>();
    types.set(resource.typeUrl, ofType);
    if (ofType.has(resource.name)) throw new Error(`two resources are called \`${resource.name}\``);
    ofType.set(resource.name, resource);
  }
  return former === undefined ? types : keepListings(former, types);
}

/**
 * The listings of these resources, made from those of nearly the same: only what stands in the place of another is read.
 *
 * @param former what `listings` were made of.
 * @returns undefined where it is another place, type or name, so that all are to be read.
 */
export function listingsReplaced(
  former: readonly Resource[],
  listings: Listings,
  resources: readonly Resource[],
): Listings | undefined {
  if (former.length !== resources.length) return undefined;
  const moved = new Map<string, Map<string, Resource>>();
  for (const [index, resource] of resources.entries()) {
    const before = former[index];
    if (before === resource) continue;
    const { typeUrl, name, version } = resource;
    if (before?.typeUrl !== typeUrl || before.name !== name) return undefined;
    if (before.version === version) continue;
    const listing = moved.get(typeUrl) ?? new Map(listings.get(typeUrl));
    moved.set(typeUrl, listing.set(name, resource));
  }
  return moved.size === 0 ? listings : new Map([...listings, ...moved]);
}

/** Equal to `next`, and made of what is equal in `former`. */
export function keepListings(former: Listings, next: Listings): Listings {
  if (former === next) return former;
  const kept = new Map([...next].map(([typeUrl, listing]) => [typeUrl, keepListing(former.get(typeUrl), listing)]));
  return isSameList([...former.values()], [...kept.values()]) ? former : kept;
}

/** Order is no part of it: nobody is told one. The version is: it is the hash of the content. */
export function keepListing(former: Listing | undefined, next: Listing): Listing {
  if (former === undefined || former === next || former.size !== next.size) return next;
  for (const [name, resource] of next) {
    const before = former.get(name);
    if (before !== resource && before?.version !== resource.version) return next;
  }
  return former;
}
