/**
 * One class and what its members are told, from one look to the next.
 *
 *   shared resources ──▶ Listings of the class ──┐
 *   routes of a member ──────────────────────────┴──▶ Overlaid ──▶ its ResourceSnapshot
 *
 * Where the class is told what it was told, its members are not read at all. Otherwise a member costs the few values
 * that say what is new to it, and its own parts are made anew only where they would be others.
 */
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { isSameList, keepUnchanged } from '../model/keep-unchanged.ts';
import type { ViewClass } from '../policy/view-classes.ts';
import type { Listing, Resource, ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import type { ClassConfiguration } from './class-configuration.ts';
import type { IssuedTrust } from './configure.ts';
import { keepListings, type Listings, listingsOf, listingsReplaced } from './listings.ts';
import { Overlaid } from './overlaid.ts';
import type { OwnParts, OwnPartsMaker } from './own-parts.ts';
import { trustFor } from './trust-for.ts';

export interface ClassState {
  readonly one: ViewClass;
  /** Absent while something that they prove themselves with, or believe, is missing. */
  readonly shared: SharedState | undefined;
  /** By key. */
  readonly members: ReadonlyMap<string, MemberState>;
}

interface SharedState {
  readonly trust: ProxyTrust;
  readonly resources: readonly Resource[];
  readonly listings: Listings;
}

export interface MemberState {
  readonly maker: OwnPartsMaker;
  readonly own: OwnParts;
  readonly told: Told | undefined;
}

interface Told {
  /** What its class shared with it; absent where it was not made by its class. */
  readonly listings?: Listings;
  readonly snapshot: ResourceSnapshot;
}

/** As much as is known of a member from before. */
export type FormerMember = Partial<MemberState>;

export interface ClassLook {
  readonly parts: ClassConfiguration;
  readonly issued: IssuedTrust;
  /** Of what is new. */
  readonly revision: string;
  /** What was known of a member, whatever its class was. */
  readonly memberBefore: (key: string) => FormerMember;
}

/** @returns the very same `before` where nothing moved. @throws what a builder throws. */
export function classStateOf(one: ViewClass, before: ClassState | undefined, look: ClassLook): ClassState {
  // Of a new class: what the first of its members was told by the class that it comes from, most often all of them.
  const former = before?.shared?.listings ?? look.memberBefore(one.members[0]?.key ?? '').told?.listings;
  const shared = sharedStateOf(one, before?.shared, former, look);
  const maker = look.parts.own(one);
  if (before !== undefined && before.one === one && before.shared === shared) return before;
  const members = new Map<string, MemberState>();
  for (const { key } of one.members) {
    const was = look.memberBefore(key);
    const own = (was.maker === maker ? was.own : undefined) ?? ownOf(key, was.own, maker);
    const told = shared && toldOf(own, was, { former, listings: shared.listings, revision: look.revision });
    members.set(key, { maker, own, told });
  }
  return { one, shared, members };
}

function sharedStateOf(
  one: ViewClass,
  before: SharedState | undefined,
  former: Listings | undefined,
  { parts, issued }: ClassLook,
): SharedState | undefined {
  const trust = keepUnchanged(before?.trust, trustFor(one.view, issued));
  if (trust === undefined) return undefined;
  const resources = parts.shared(one, trust);
  if (before?.resources === resources) return before.trust === trust ? before : { ...before, trust };
  const replaced = before && listingsReplaced(before.resources, before.listings, resources);
  return { trust, resources, listings: replaced ?? listingsOf(resources, former) };
}

function ownOf(key: string, before: OwnParts | undefined, maker: OwnPartsMaker): OwnParts {
  const own = maker(key, before);
  return before !== undefined && isSameList(before.routes, own.routes) ? { ...own, routes: before.routes } : own;
}

interface ToTell {
  /** Of which `listings` is made, wherever it is equal to them. */
  readonly former: Listings | undefined;
  readonly listings: Listings;
  readonly revision: string;
}

/** @throws where a route of its own is called like one that it shares. */
function toldOf({ routes }: OwnParts, was: FormerMember, { former, listings, revision }: ToTell): Told {
  const before = was.told;
  const isOwnStill = was.own?.routes === routes;
  if (before !== undefined && isOwnStill && before.listings === listings) return before;
  const shared = listings.get(typeUrls.route) ?? noRoutes;
  const formerRoutes = before?.snapshot.types.get(typeUrls.route);
  const isStill = isOwnStill && before?.listings?.get(typeUrls.route) === shared;
  const own = isStill && formerRoutes !== undefined ? formerRoutes : routesOf(shared, routes);
  const types = new Overlaid(listings, onlyRoutes, [own]);
  const isKept = former !== undefined && before?.listings === former;
  if (before === undefined || isKept) return { listings, snapshot: { revision, types } };
  // It comes from yet another class, of which nothing was kept so far, or from none.
  const kept = keepListings(before.snapshot.types, types);
  return { listings, snapshot: kept === before.snapshot.types ? before.snapshot : { revision, types: kept } };
}

const noRoutes: Listing = new Map();
const onlyRoutes: readonly string[] = [typeUrls.route];

function routesOf(shared: Listing, own: readonly Resource[]): Listing {
  const names = own.map(({ name }) => name);
  const clash = names.find((name) => shared.has(name));
  if (clash !== undefined) throw new Error(`two resources are called \`${clash}\``);
  return own.length === 0 ? shared : new Overlaid(shared, names, own);
}
