/**
 * The slice of the mesh on which the proxies of one tenant can depend: a snapshot of its own, small and seldom new.
 *
 *   Snapshot ──slicesOf──▶ one slice a tenant ──▶ the views of its workloads, equal to those of the whole mesh
 *
 * It holds what is the tenant's, what a grant that lives brings to it, and of its callers one workload for each identity.
 * So a change elsewhere leaves it the very same value, and nobody need look at the tenant's proxies at all. Whether it
 * could be another is asked in two steps: whether the share of one that it deals with moved, and only then by all that it
 * is made from.
 */

import { isSameList, keepSameMap } from '../model/keep-unchanged.ts';
import type { Quarantine } from '../model/quarantine.ts';
import type { Mesh, Snapshot, Tenant } from '../model/snapshot.ts';
import { isScraper } from './observation.ts';
import { type Shares, sharesOf, type TenantShare } from './tenant-share.ts';

export interface Slices {
  /** By tenant. */
  readonly slices: ReadonlyMap<string, Slice>;
  readonly shares: Shares;
  readonly scrapers: ScrapersNow;
}

/** Who reads the statistics of everybody. */
interface ScrapersNow {
  readonly tenants: readonly Tenant[];
  /** Of them, who may not at the moment. */
  readonly quarantined: readonly Quarantine[];
}

export interface Slice {
  readonly snapshot: Snapshot;
  /** From whose shares it was cut, wherever they are: its own tenant's, and of those that it deals with. */
  readonly dealsWith: readonly string[];
}

/**
 * @param nowMs epoch ms at which grants and consents are judged: the dead are in no slice.
 * @param former slices made before; what did not change since is taken from there, the very same values.
 */
export function slicesOf(snapshot: Snapshot, nowMs: number, former?: Slices): Slices {
  const { mesh } = snapshot;
  const shares = sharesOf(snapshot, nowMs, former?.shares);
  const scrapers = scrapersIn(snapshot, shares, former?.scrapers);
  const moved = movedIn(former?.shares, shares);
  const slices = new Map<string, Slice>();
  for (const [tenant, share] of shares.byTenant) {
    const before = former?.slices.get(tenant);
    const isStill = former?.scrapers === scrapers && before?.dealsWith.some((name) => moved.has(name)) === false;
    slices.set(tenant, isStill && before ? atMesh(mesh, before) : sliceOf(mesh, share, shares, scrapers, before));
  }
  return { slices, shares, scrapers };
}

function scrapersIn({ mesh, quarantines }: Snapshot, shares: Shares, former: ScrapersNow | undefined): ScrapersNow {
  const namespaces = mesh.scrapers.map(({ namespace }) => namespace);
  const tenants = present(shares, namespaces).map(({ tenant }) => tenant);
  const quarantined = [...quarantines.values()].filter(({ spiffeId }) => isScraper(mesh, spiffeId));
  const isStill =
    former !== undefined && isSameList(former.tenants, tenants) && isSameList(former.quarantined, quarantined);
  return isStill ? former : { tenants, quarantined };
}

/** Tenants whose share is another, or is there no more. */
function movedIn(former: Shares | undefined, { byTenant }: Shares): ReadonlySet<string> {
  const moved = new Set<string>();
  for (const [name, share] of byTenant) if (former?.byTenant.get(name) !== share) moved.add(name);
  for (const name of former?.byTenant.keys() ?? []) if (!byTenant.has(name)) moved.add(name);
  return moved;
}

function atMesh(mesh: Mesh, slice: Slice): Slice {
  return slice.snapshot.mesh === mesh ? slice : { ...slice, snapshot: { ...slice.snapshot, mesh } };
}

function present({ byTenant }: Shares, names: Iterable<string>): readonly TenantShare[] {
  return [...new Set(names)].flatMap((name) => byTenant.get(name) ?? []);
}

function sliceOf(
  mesh: Mesh,
  own: TenantShare,
  shares: Shares,
  scrapers: ScrapersNow,
  former: Slice | undefined,
): Slice {
  const owners = own.grantsFrom.map(({ tenant }) => tenant);
  const guests = own.grantsTo.map(({ from }) => from.tenant);
  const others = { callees: present(shares, owners), callers: present(shares, guests), scrapers };
  return {
    snapshot: kept(former?.snapshot, cut(mesh, own, others)),
    dealsWith: [...new Set([own.tenant.name, ...owners, ...guests])],
  };
}

interface Others {
  readonly callees: readonly TenantShare[];
  readonly callers: readonly TenantShare[];
  readonly scrapers: ScrapersNow;
}

function cut(mesh: Mesh, own: TenantShare, { callees, callers, scrapers }: Others): Snapshot {
  const { external, grantsFrom } = own;
  const opened = new Set(grantsFrom.map(({ to }) => to.service));
  const foreign = callees.flatMap(({ services }) => services.filter(({ key }) => opened.has(key)));
  const endpoints = foreign.flatMap(({ ports }) => ports.flatMap((port) => port.endpoints));
  const dialled = new Set(endpoints.map(({ workload }) => workload));
  const behind = callees.flatMap(({ workloads }) => workloads.filter(({ key }) => dialled.has(key)));
  const owners = callees
    .map(({ tenant }) => tenant)
    .filter(({ name }) => foreign.some(({ tenant }) => tenant === name));
  const identities = new Set(behind.map(({ spiffeId }) => spiffeId));
  const quarantined = [
    ...own.quarantined,
    ...callers.flatMap((each) => each.quarantined),
    ...callees.flatMap((each) => each.quarantined.filter(({ spiffeId }) => identities.has(spiffeId))),
    ...scrapers.quarantined,
  ].sort((left, right) => (left.spiffeId < right.spiffeId ? -1 : 1));
  return {
    revision: '',
    mesh,
    tenants: new Map([own.tenant, ...owners, ...scrapers.tenants].map((each) => [each.name, each])),
    workloads: keyed(own.workloads, behind, ...callers.map(({ identities }) => identities)),
    services: keyed(own.services, foreign),
    grants: keyed(own.grantsTo, grantsFrom),
    volumeGrants: noVolumeGrants,
    policies: keyed(own.policies),
    trafficPolicies: keyed(
      own.traffic,
      callees.flatMap(({ traffic }) => traffic.filter(({ service }) => opened.has(service))),
    ),
    httpRoutes: keyed(
      own.routes,
      callees.flatMap(({ routes }) =>
        routes.filter(({ parents }) => parents.some(({ service }) => opened.has(service))),
      ),
    ),
    drills: noDrills,
    drillConsents: keyed(own.consents, ...callers.map(({ consents }) => consents)),
    externalServices: new Map(external === undefined ? [] : [[own.tenant.name, external]]),
    explicitAddresses: own.explicit,
    quarantines: new Map(quarantined.map((each) => [each.spiffeId, each])),
    problems: noProblems,
  };
}

/** What no view depends on is in no slice. */
const noDrills: Snapshot['drills'] = new Map();
const noVolumeGrants: Snapshot['volumeGrants'] = new Map();
const noProblems: Snapshot['problems'] = [];

/** Sorted, each once. */
function keyed<T extends { readonly key: string }>(...lists: readonly (readonly T[])[]): ReadonlyMap<string, T> {
  const byKey = new Map(lists.flatMap((list) => list.map((each) => [each.key, each] as const)));
  return new Map([...byKey].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** What of it holds the very same members is the very same map, and a slice of nothing else the very same slice. */
function kept(former: Snapshot | undefined, next: Snapshot): Snapshot {
  if (former === undefined) return next;
  const slice: Snapshot = {
    ...next,
    tenants: keepSameMap(former.tenants, next.tenants),
    workloads: keepSameMap(former.workloads, next.workloads),
    services: keepSameMap(former.services, next.services),
    grants: keepSameMap(former.grants, next.grants),
    policies: keepSameMap(former.policies, next.policies),
    trafficPolicies: keepSameMap(former.trafficPolicies, next.trafficPolicies),
    httpRoutes: keepSameMap(former.httpRoutes, next.httpRoutes),
    drillConsents: keepSameMap(former.drillConsents, next.drillConsents),
    externalServices: keepSameMap(former.externalServices, next.externalServices),
    quarantines: keepSameMap(former.quarantines, next.quarantines),
  };
  return isSameList(Object.values(former), Object.values(slice)) ? former : slice;
}
