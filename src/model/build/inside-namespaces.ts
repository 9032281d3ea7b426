/**
 * What each namespace is by itself: its workloads, its services, its policies. Of the others it knows only which of the
 * addresses it claims are claimed elsewhere too.
 */
import { isSameList, keepUnchanged } from '../keep-unchanged.ts';
import { Last } from '../last.ts';
import type { Problem } from '../problem.ts';
import type { ProblemList } from '../problem-list.ts';
import type { AccessPolicy, Service, Workload } from '../snapshot.ts';
import type { TrafficPolicy } from '../traffic-policy.ts';
import { isExplicit } from './explicit-addresses.ts';
import type { Ground } from './ground.ts';
import type { NamespaceInventory } from './inventories.ts';
import type { Inventory } from './inventory.ts';
import type { BuildCounters, Look } from './look.ts';
import type { MomentsOfLook } from './moments.ts';
import { noStrangers, type Residents, residentsIn, type Strangers, strangersTo } from './neighbours.ts';
import { type Built, Part, type Versioned } from './part.ts';
import { PodIndex } from './pod-index.ts';
import { buildPolicies, endedRules } from './policies.ts';
import { servicesIn } from './services.ts';
import { SharedClaims } from './shared-claims.ts';
import { trafficPoliciesIn } from './traffic-policies.ts';
import { claimedAddresses, claimsIn, nodeNamesIn, type PodClaims, type PodWorkload, workloadsIn } from './workloads.ts';

/** Parts by namespace. */
export interface Inside {
  readonly workloads: Built<NamespaceWorkloads>;
  readonly services: Built<NamespaceServices>;
  readonly policies: Built<ReadonlyMap<string, AccessPolicy>>;
  readonly trafficPolicies: Built<ReadonlyMap<string, TrafficPolicy>>;
  /** Names of the rules whose end has passed. */
  readonly expired: readonly string[];
  readonly problems: readonly (readonly Problem[])[];
}

export interface NamespaceWorkloads {
  /** Sorted. */
  readonly pods: readonly PodWorkload[];
  /** Those of them under explicit capture. */
  readonly explicit: readonly PodWorkload[];
  readonly byKey: ReadonlyMap<string, Workload>;
}

export interface NamespaceServices {
  readonly byKey: ReadonlyMap<string, Service>;
  readonly keys: readonly string[];
}

interface Claims {
  readonly pods: readonly PodClaims[];
  readonly addresses: ReadonlySet<string>;
  readonly nodeNames: readonly string[];
}

export class InsideBuilder {
  readonly #claims: Part<Claims>;
  readonly #residents: Part<Residents>;
  readonly #strangers: Part<Strangers>;
  readonly #workloads: Part<NamespaceWorkloads>;
  readonly #services: Part<NamespaceServices>;
  readonly #policies: Part<ReadonlyMap<string, AccessPolicy>>;
  readonly #expired = new Last<readonly string[]>();
  readonly #trafficPolicies: Part<ReadonlyMap<string, TrafficPolicy>>;
  readonly #sharedAddresses = new SharedClaims();
  /** Of which the shared ones were taken last. */
  #claimed: Built<Claims> | undefined;

  constructor(counters: BuildCounters) {
    const built = (part: string) => (namespace: string) => counters.built(part, namespace);
    this.#claims = new Part(built('claims'), keepClaims);
    this.#residents = new Part(built('residents'));
    this.#strangers = new Part(built('strangers'));
    this.#workloads = new Part(built('workloads'), keepWorkloads);
    this.#services = new Part(built('services'));
    this.#policies = new Part(built('policies'));
    this.#trafficPolicies = new Part(built('trafficPolicies'));
  }

  /** @param moments at which rules are judged dead or alive. */
  of({ having, inventories }: Look, { mesh, tenants, nodes, serviceAccounts }: Ground, moments: MomentsOfLook): Inside {
    const { trustDomain } = mesh;
    const claims = this.#claims.each(having('Pod'), { whole: [tenants], own: [inventories] }, (own) => {
      const isTenant = tenants.has(own.namespace);
      return { reads: [own.of('Pod'), isTenant], make: (problems) => claimsOf(own, isTenant, problems) };
    });
    const shared = this.#sharedAddresses;
    if (claims !== this.#claimed)
      shared.take(claims.entries().map(([namespace, { addresses }]) => [namespace, addresses]));
    this.#claimed = claims;
    const strangers = this.#strangersOf(having('Pod'), inventories, tenants);
    const placed = { whole: [trustDomain, tenants, nodes], own: [inventories, claims, shared, strangers] };
    const workloads = this.#workloads.each(having('Pod'), placed, ({ namespace }) => {
      const [claimed, tenant] = [claims.of(namespace), tenants.get(namespace)];
      if (claimed === undefined || tenant === undefined) return undefined;
      const contested = shared.of(namespace);
      const strange = strangers.of(namespace) ?? noStrangers;
      const context = { trustDomain, tenant, nodes, contested, strangers: strange };
      const ownNodes = claimed.nodeNames.map((name) => nodes.get(name));
      return {
        reads: [claimed.pods, trustDomain, tenant, contested, strange, ...ownNodes],
        make: (problems, former) => listed(workloadsIn(claimed.pods, context, former?.pods ?? [], problems)),
      };
    });
    const services = this.#services.each(
      having('Service'),
      { whole: [tenants], own: [inventories, workloads] },
      (own) => {
        const tenant = tenants.get(own.namespace);
        if (tenant === undefined) return undefined;
        const pods = workloads.of(own.namespace)?.pods ?? noPods;
        return {
          reads: [own.of('Service'), own.of('EndpointSlice'), tenant, pods],
          make(problems) {
            const byKey = servicesIn(own, tenant, new PodIndex(pods), problems);
            return { byKey, keys: [...byKey.keys()] };
          },
        };
      },
    );
    const judged = { whole: [trustDomain, tenants, serviceAccounts], own: [inventories, moments] };
    const policies = this.#policies.each(having('AccessPolicy'), judged, (own) => {
      const context = { trustDomain, tenants, serviceAccounts, nowMs: moments.of(own.namespace) };
      return {
        reads: [own.of('AccessPolicy'), own.brokenPolicies, ...Object.values(context)],
        make: (problems) => buildPolicies(own, context, problems),
      };
    });
    const expired = this.#expired.of([policies], () => policies.values().flatMap(endedRules));
    const called = { whole: [tenants], own: [inventories, services] };
    const trafficPolicies = this.#trafficPolicies.each(having('TrafficPolicy'), called, (own) => {
      const isTenant = tenants.has(own.namespace);
      const known = services.of(own.namespace)?.byKey ?? noServices;
      return {
        reads: [own.of('TrafficPolicy'), isTenant, known],
        make: (problems) => trafficPoliciesIn(own, isTenant, known, problems),
      };
    });
    const parts = [claims, workloads, services, policies, trafficPolicies];
    const problems = parts.flatMap((part) => part.problems());
    return { workloads, services, policies, trafficPolicies, expired, problems };
  }

  /** Who runs where is nobody's business until a tenant wants its nodes for itself. */
  #strangersOf(
    places: readonly NamespaceInventory[],
    inventories: Versioned,
    tenants: Ground['tenants'],
  ): Built<Strangers> {
    const dedicated = places.filter(({ namespace }) => tenants.get(namespace)?.nodesSharedWith !== undefined);
    const looked = dedicated.length === 0 ? [] : places;
    const residents = this.#residents.each(looked, { whole: [looked.length === 0], own: [inventories] }, (own) => ({
      reads: [own.of('Pod'), own.brokenPods],
      make: () => residentsIn(own),
    }));
    return this.#strangers.each(dedicated, { whole: [residents, tenants], own: [] }, ({ namespace }) => {
      const tenant = tenants.get(namespace);
      return tenant && { reads: [residents, tenant], make: () => strangersTo(tenant, residents) };
    });
  }
}

const noPods: readonly PodWorkload[] = [];
export const noServices: ReadonlyMap<string, Service> = new Map();
export const noWorkloads: ReadonlyMap<string, Workload> = new Map();

function claimsOf(own: Inventory, isTenant: boolean, problems: ProblemList): Claims {
  const pods = claimsIn(own, isTenant, problems);
  return { pods, addresses: claimedAddresses(pods), nodeNames: nodeNamesIn(own) };
}

function keepClaims(former: Claims | undefined, { pods, addresses, nodeNames }: Claims): Claims {
  return {
    pods,
    addresses: keepUnchanged(former?.addresses, addresses),
    nodeNames: keepUnchanged(former?.nodeNames, nodeNames),
  };
}

function listed(pods: readonly PodWorkload[]): NamespaceWorkloads {
  return {
    pods,
    explicit: pods.filter(isExplicit),
    byKey: new Map(pods.map(({ workload }) => [workload.key, workload])),
  };
}

function keepWorkloads(former: NamespaceWorkloads | undefined, next: NamespaceWorkloads): NamespaceWorkloads {
  if (former === undefined) return next;
  if (isSameList(former.pods, next.pods)) return former;
  return {
    pods: next.pods,
    explicit: isSameList(former.explicit, next.explicit) ? former.explicit : next.explicit,
    byKey: keepUnchanged(former.byKey, next.byKey),
  };
}
