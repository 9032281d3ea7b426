/**
 * The slice of the mesh on which the proxies of one tenant can depend: a snapshot of its own, small and seldom new.
 *
 *   Snapshot ──slicesOf──▶ one slice a tenant ──▶ the views of its workloads, equal to those of the whole mesh
 *
 * It holds what is the tenant's, what a grant that lives brings to it, and of its callers one workload for each identity.
 * So a change elsewhere leaves it the very same value, and nobody need look at the tenant's proxies at all.
 */

import type { DrillConsent } from '../model/drill.ts';
import type { HttpRoute } from '../model/http-route.ts';
import { isSameList } from '../model/keep-unchanged.ts';
import type { AccessPolicy, Grant, Service, Snapshot, Workload } from '../model/snapshot.ts';
import type { TrafficPolicy } from '../model/traffic-policy.ts';
import { indexConsents } from './arming.ts';
import { liveGrants } from './live-grants.ts';

export interface Slices {
  /** By tenant. */
  readonly slices: ReadonlyMap<string, Slice>;
  readonly groups: Groups;
}

export interface Slice {
  readonly snapshot: Snapshot;
  /** All that it was made from. */
  readonly inputs: readonly unknown[];
}

/** The mesh by owner: lists that are the same values for as long as their members are. */
interface Groups {
  readonly workloads: ReadonlyMap<string, readonly Workload[]>;
  /** One workload for each identity of a tenant. */
  readonly identities: ReadonlyMap<string, readonly Workload[]>;
  readonly services: ReadonlyMap<string, readonly Service[]>;
  readonly policies: ReadonlyMap<string, readonly AccessPolicy[]>;
  readonly consents: ReadonlyMap<string, readonly DrillConsent[]>;
  /** By the tenant that they open, and by the tenant that they let in. */
  readonly grantsTo: ReadonlyMap<string, readonly Grant[]>;
  readonly grantsFrom: ReadonlyMap<string, readonly Grant[]>;
  /** By service. */
  readonly traffic: ReadonlyMap<string, readonly TrafficPolicy[]>;
  readonly routesAt: ReadonlyMap<string, readonly HttpRoute[]>;
  readonly routesOf: ReadonlyMap<string, readonly HttpRoute[]>;
}

/**
 * @param nowMs epoch ms at which grants and consents are judged: the dead are in no slice.
 * @param former slices made before; what did not change since is taken from there, the very same values.
 */
export function slicesOf(snapshot: Snapshot, nowMs: number, former?: Slices): Slices {
  const groups = groupsOf(snapshot, nowMs, former?.groups);
  const slices = new Map<string, Slice>();
  for (const tenant of snapshot.tenants.keys()) {
    slices.set(tenant, sliceOf(snapshot, groups, tenant, former?.slices.get(tenant)));
  }
  return { slices, groups };
}

function sliceOf(snapshot: Snapshot, groups: Groups, tenant: string, former: Slice | undefined): Slice {
  const { mesh } = snapshot;
  const outgoing = groups.grantsFrom.get(tenant) ?? [];
  const incoming = groups.grantsTo.get(tenant) ?? [];
  const own = groups.workloads.get(tenant) ?? [];
  const ownServices = groups.services.get(tenant) ?? [];
  const foreign = [...new Set(outgoing.map(({ to }) => to.service))].flatMap((key) => snapshot.services.get(key) ?? []);
  const behind = foreign.flatMap(({ ports }) =>
    ports.flatMap(({ endpoints }) => endpoints.flatMap(({ workload }) => snapshot.workloads.get(workload) ?? [])),
  );
  const callers = [...new Set(incoming.map(({ from }) => from.tenant))];
  const identities = callers.flatMap((caller) => groups.identities.get(caller) ?? []);
  const tenants = [tenant, ...foreign.map((service) => service.tenant), ...mesh.scrapers.map((each) => each.namespace)];
  const ofTenants = [...new Set(tenants)].flatMap((name) => snapshot.tenants.get(name) ?? []);
  const services = [...ownServices, ...foreign];
  const policies = groups.policies.get(tenant) ?? [];
  const traffic = services.flatMap(({ key }) => groups.traffic.get(key) ?? []);
  const routes = [
    ...(groups.routesOf.get(tenant) ?? []),
    ...foreign.flatMap(({ key }) => groups.routesAt.get(key) ?? []),
  ];
  const consents = [tenant, ...callers].flatMap((name) => groups.consents.get(name) ?? []);
  const external = snapshot.externalServices.get(tenant);
  const explicit = own.flatMap(({ key }) => snapshot.explicitAddresses.get(key) ?? []);
  const lists = [ofTenants, own, behind, identities, services, incoming, outgoing, policies, traffic, routes, consents];
  const inputs = [mesh, external, ...[...lists, explicit].flatMap((list) => [list.length, ...list])];
  if (former !== undefined && isSameList(former.inputs, inputs)) return former;
  const keyed = <T extends { readonly key: string }>(...values: readonly (readonly T[])[]): ReadonlyMap<string, T> =>
    new Map(
      [...new Map(values.flat().map((each) => [each.key, each]))].sort(([left], [right]) => (left < right ? -1 : 1)),
    );
  return {
    inputs,
    snapshot: {
      revision: '',
      mesh,
      tenants: new Map(ofTenants.map((each) => [each.name, each])),
      workloads: keyed(own, behind, identities),
      services: keyed(services),
      grants: keyed(incoming, outgoing),
      policies: keyed(policies),
      trafficPolicies: keyed(traffic),
      httpRoutes: keyed(routes),
      drills: new Map(),
      drillConsents: keyed(consents),
      externalServices: new Map(external === undefined ? [] : [[tenant, external]]),
      explicitAddresses: new Map(
        own.flatMap(({ key }) => {
          const addresses = snapshot.explicitAddresses.get(key);
          return addresses === undefined ? [] : [[key, addresses] as const];
        }),
      ),
      problems: [],
    },
  };
}

function groupsOf(snapshot: Snapshot, nowMs: number, former: Groups | undefined): Groups {
  const workloads = grouped(snapshot.workloads.values(), ({ tenant }) => [tenant], former?.workloads);
  const grants = liveGrants(snapshot, nowMs);
  return {
    workloads,
    identities: new Map(
      [...workloads].map(([tenant, all]) => [tenant, identitiesIn(all, tenant, workloads, former)] as const),
    ),
    services: grouped(snapshot.services.values(), ({ tenant }) => [tenant], former?.services),
    policies: grouped(snapshot.policies.values(), ({ tenant }) => [tenant], former?.policies),
    consents: kept(indexConsents(snapshot, nowMs), former?.consents),
    grantsTo: grouped(grants, ({ tenant }) => [tenant], former?.grantsTo),
    grantsFrom: grouped(grants, ({ from }) => [from.tenant], former?.grantsFrom),
    traffic: grouped(snapshot.trafficPolicies.values(), ({ service }) => [service], former?.traffic),
    routesAt: grouped(
      snapshot.httpRoutes.values(),
      ({ parents }) => new Set(parents.map(({ service }) => service)),
      former?.routesAt,
    ),
    routesOf: grouped(snapshot.httpRoutes.values(), ({ tenant }) => [tenant], former?.routesOf),
  };
}

function identitiesIn(
  all: readonly Workload[],
  tenant: string,
  workloads: Groups['workloads'],
  former: Groups | undefined,
): readonly Workload[] {
  const before = former?.identities.get(tenant) ?? [];
  if (former?.workloads.get(tenant) === workloads.get(tenant)) return before;
  const known = new Set(all);
  const byIdentity = new Map(before.flatMap((each) => (known.has(each) ? [[each.spiffeId, each] as const] : [])));
  for (const each of all) if (!byIdentity.has(each.spiffeId)) byIdentity.set(each.spiffeId, each);
  const next = [...byIdentity.values()].sort((left, right) => (left.spiffeId < right.spiffeId ? -1 : 1));
  return isSameList(before, next) ? before : next;
}

function grouped<T>(
  values: Iterable<T>,
  keysOf: (value: T) => Iterable<string>,
  former: ReadonlyMap<string, readonly T[]> | undefined,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    for (const key of keysOf(value)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [value]);
      else group.push(value);
    }
  }
  return kept(groups, former);
}

function kept<T>(
  groups: ReadonlyMap<string, readonly T[]>,
  former: ReadonlyMap<string, readonly T[]> | undefined,
): ReadonlyMap<string, readonly T[]> {
  if (former === undefined) return groups;
  return new Map(
    [...groups].map(([key, group]) => {
      const before = former.get(key);
      return [key, before !== undefined && isSameList(before, group) ? before : group] as const;
    }),
  );
}
