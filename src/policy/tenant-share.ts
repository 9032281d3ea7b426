/**
 * What of a snapshot is one tenant's: lists that are the very same values for as long as their members are.
 *
 *   Snapshot ──sharesOf──▶ by tenant, its TenantShare; the very same one where nothing that is the tenant's moved
 *
 * Of the snapshot's maps only those are walked that are not the very same as before: an endpoint walks the workloads
 * and the services, a policy the policies, and neither reads more of a value than whose it is.
 */
import type { DrillConsent } from '../model/drill.ts';
import type { HttpRoute } from '../model/http-route.ts';
import { isSameList } from '../model/keep-unchanged.ts';
import type { Quarantine } from '../model/quarantine.ts';
import type { AccessPolicy, ExternalService, Grant, Service, Snapshot, Tenant, Workload } from '../model/snapshot.ts';
import type { TrafficPolicy } from '../model/traffic-policy.ts';
import { liveConsents } from './arming.ts';
import { type Groups, grouped, regrouped } from './groups.ts';
import { liveGrants } from './live-grants.ts';

export interface TenantShare {
  readonly tenant: Tenant;
  readonly workloads: readonly Workload[];
  /** One workload for each identity. */
  readonly identities: readonly Workload[];
  readonly services: readonly Service[];
  readonly policies: readonly AccessPolicy[];
  readonly traffic: readonly TrafficPolicy[];
  /** Each for services of its own tenant. */
  readonly routes: readonly HttpRoute[];
  /** Those that live. */
  readonly consents: readonly DrillConsent[];
  /** Those that live, by whom they open and by whom they let in. */
  readonly grantsTo: readonly Grant[];
  readonly grantsFrom: readonly Grant[];
  readonly quarantined: readonly Quarantine[];
  readonly external: readonly ExternalService[] | undefined;
  /** By workload; of those that have some. */
  readonly explicit: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export interface Shares {
  readonly byTenant: ReadonlyMap<string, TenantShare>;
  readonly snapshot: Snapshot;
  readonly groups: Grouped;
}

interface Grouped {
  readonly workloads: Groups<Workload>;
  readonly services: Groups<Service>;
  readonly policies: Groups<AccessPolicy>;
  readonly traffic: Groups<TrafficPolicy>;
  readonly routes: Groups<HttpRoute>;
  readonly consents: Groups<DrillConsent>;
  /** Those that live. */
  readonly grants: readonly Grant[];
  readonly grantsTo: Groups<Grant>;
  readonly grantsFrom: Groups<Grant>;
  readonly quarantined: Groups<Quarantine>;
}

/** @param nowMs epoch ms at which grants and consents are judged dead or alive. */
export function sharesOf(snapshot: Snapshot, nowMs: number, former?: Shares): Shares {
  const groups = groupsOf(snapshot, nowMs, former);
  const byTenant = new Map<string, TenantShare>();
  for (const [name, tenant] of snapshot.tenants) {
    byTenant.set(name, shareOf(snapshot, groups, tenant, former));
  }
  return { byTenant, snapshot, groups };
}

function groupsOf(snapshot: Snapshot, nowMs: number, former: Shares | undefined): Grouped {
  const living = liveGrants(snapshot, nowMs);
  const grants = former !== undefined && isSameList(former.groups.grants, living) ? former.groups.grants : living;
  const { grantsTo, grantsFrom } = groupedGrants(grants, former?.groups);
  const { workloads, services, policies, trafficPolicies, httpRoutes } = snapshot;
  const owner = ({ tenant }: { readonly tenant: string }) => tenant;
  const before = former && { ...former.snapshot, groups: former.groups };
  return {
    workloads: regrouped(workloads, owner, before && { values: before.workloads, groups: before.groups.workloads }),
    services: regrouped(services, owner, before && { values: before.services, groups: before.groups.services }),
    policies: regrouped(policies, owner, before && { values: before.policies, groups: before.groups.policies }),
    traffic: regrouped(
      trafficPolicies,
      owner,
      before && { values: before.trafficPolicies, groups: before.groups.traffic },
    ),
    routes: regrouped(httpRoutes, owner, before && { values: before.httpRoutes, groups: before.groups.routes }),
    consents: grouped(liveConsents(snapshot, nowMs), owner, before?.groups.consents),
    grants,
    grantsTo,
    grantsFrom,
    quarantined: grouped(snapshot.quarantines.values(), owner, before?.groups.quarantined),
  };
}

function groupedGrants(
  grants: readonly Grant[],
  former: Grouped | undefined,
): Pick<Grouped, 'grantsTo' | 'grantsFrom'> {
  if (former?.grants === grants) return former;
  return {
    grantsTo: grouped(grants, ({ tenant }) => tenant, former?.grantsTo),
    grantsFrom: grouped(grants, ({ from }) => from.tenant, former?.grantsFrom),
  };
}

function shareOf(snapshot: Snapshot, groups: Grouped, tenant: Tenant, before: Shares | undefined): TenantShare {
  const { name } = tenant;
  const former = before?.byTenant.get(name);
  const workloads = groups.workloads.get(name) ?? nothing;
  const services = groups.services.get(name) ?? nothing;
  const policies = groups.policies.get(name) ?? nothing;
  const traffic = groups.traffic.get(name) ?? nothing;
  const routes = groups.routes.get(name) ?? nothing;
  const consents = groups.consents.get(name) ?? nothing;
  const grantsTo = groups.grantsTo.get(name) ?? nothing;
  const grantsFrom = groups.grantsFrom.get(name) ?? nothing;
  const quarantined = groups.quarantined.get(name) ?? nothing;
  const external = snapshot.externalServices.get(name);
  const isPresent = former?.workloads === workloads;
  const isExplicitStill = isPresent && before?.snapshot.explicitAddresses === snapshot.explicitAddresses;
  const explicit = isExplicitStill ? former.explicit : explicitIn(snapshot, workloads, former?.explicit ?? noAddresses);
  // Field by field, and nothing made: it is asked of every tenant at every look.
  const isStill =
    isPresent &&
    former.tenant === tenant &&
    former.services === services &&
    former.policies === policies &&
    former.traffic === traffic &&
    former.routes === routes &&
    former.consents === consents &&
    former.grantsTo === grantsTo &&
    former.grantsFrom === grantsFrom &&
    former.quarantined === quarantined &&
    former.external === external &&
    former.explicit === explicit;
  if (isStill) return former;
  const identities = isPresent ? former.identities : identitiesIn(workloads, former?.identities ?? nothing);
  const lists = { workloads, identities, services, policies, traffic, routes, consents, grantsTo, grantsFrom };
  return { tenant, ...lists, quarantined, external, explicit };
}

/** One value for every tenant that has none: what nobody wrote does not move. */
const nothing: readonly never[] = [];
const noAddresses: TenantShare['explicit'] = new Map();

/** Those of before while they are there, so that it is seldom another workload which stands for an identity. */
function identitiesIn(all: readonly Workload[], before: readonly Workload[]): readonly Workload[] {
  const known = new Set(all);
  const byIdentity = new Map(before.flatMap((each) => (known.has(each) ? [[each.spiffeId, each] as const] : [])));
  for (const each of all) if (!byIdentity.has(each.spiffeId)) byIdentity.set(each.spiffeId, each);
  const next = [...byIdentity.values()].sort((left, right) => (left.spiffeId < right.spiffeId ? -1 : 1));
  return isSameList(before, next) ? before : next;
}

function explicitIn(
  { explicitAddresses }: Snapshot,
  workloads: readonly Workload[],
  former: TenantShare['explicit'],
): TenantShare['explicit'] {
  if (explicitAddresses.size === 0) return noAddresses;
  const addresses = new Map<string, ReadonlyMap<string, string>>();
  for (const { key } of workloads) {
    const own = explicitAddresses.get(key);
    if (own !== undefined) addresses.set(key, own);
  }
  const isSame = addresses.size === former.size && [...addresses].every(([key, own]) => former.get(key) === own);
  return isSame ? former : addresses;
}
