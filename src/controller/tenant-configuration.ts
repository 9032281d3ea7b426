/**
 * What the proxies of one tenant are told, from one look to the next: a class that is as it was is not looked into.
 *
 * Where something of ours throws, the pure function makes the whole tenant: it knows how to close one port, or to leave
 * one proxy alone, and it is slower. So here is one path for the mesh that is well, and one answer to every fault.
 */
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { isSameList, keepUnchanged } from '../model/keep-unchanged.ts';
import type { Snapshot, Workload } from '../model/snapshot.ts';
import { classesOf, type ViewClass, type ViewClasses } from '../policy/view-classes.ts';
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import { ClassConfiguration } from './class-configuration.ts';
import { type ConfiguredProxies, configureProxies, type IssuedTrust, type Means } from './configure.ts';
import { keepListings, type Listings, listingsOf } from './listings.ts';
import { trustFor } from './trust-for.ts';

interface ClassState {
  readonly one: ViewClass;
  /** Absent while something of it is missing. */
  readonly trust: ProxyTrust | undefined;
  readonly resources: readonly Resource[];
  readonly listings: Listings;
}

const nothingYet: ConfiguredProxies = {
  proxies: new Map(),
  told: new Map(),
  withheld: [],
  failed: [],
  programs: [],
  hasEveryProgram: true,
};

export class TenantConfiguration {
  private readonly tenant: string;
  private readonly parts: ClassConfiguration;
  private slice: Snapshot | undefined;
  private views: ViewClasses | undefined;
  private classes: ReadonlyMap<string, ClassState> = new Map();
  private current = nothingYet;

  constructor(tenant: string, { platform, encoder }: Means) {
    this.tenant = tenant;
    this.parts = new ClassConfiguration(platform, encoder);
  }

  /** @returns the very same value where nothing changed. @param visited told how many proxies had to be looked at. */
  look(slice: Snapshot, revision: string, means: Means, visited: (proxies: number) => void): ConfiguredProxies {
    try {
      if (slice === this.slice && this.isTrustAsBefore(means)) return this.current;
      this.current = kept(this.current, this.make(slice, revision, means, visited));
      this.slice = slice;
    } catch {
      this.slice = undefined;
      this.views = undefined;
      this.classes = new Map();
      const members = [...slice.workloads.values()].filter(({ tenant }) => tenant === this.tenant);
      visited(members.length);
      this.current = kept(this.current, configureProxies({ ...slice, revision }, members, means));
    }
    return this.current;
  }

  private isTrustAsBefore({ trust: issued }: Means): boolean {
    for (const { one, trust } of this.classes.values()) {
      if (trust === undefined ? trustFor(one.view, issued) !== undefined : !isStill(trust, one, issued)) return false;
    }
    return true;
  }

  private make(slice: Snapshot, revision: string, means: Means, visited: (proxies: number) => void): ConfiguredProxies {
    const views = classesOf(slice, this.tenant, means.nowMs, this.views);
    const classes = new Map<string, ClassState>();
    const proxies = new Map<string, ResourceSnapshot>();
    const programs: Resource[] = [];
    const withheld: string[] = [];
    for (const one of views.classes.values()) {
      const before = this.classes.get(one.key);
      const state = this.stateOf(one, before, means);
      classes.set(one.key, state);
      visited(state === before ? 0 : one.members.length);
      for (const member of one.members) {
        const program = this.parts.program(one, member);
        if (program !== undefined) programs.push(program);
        if (state.trust === undefined) withheld.push(member.key);
        else proxies.set(member.key, this.configurationOf(state, state === before, member, revision));
      }
    }
    this.parts.sweep();
    this.views = views;
    this.classes = classes;
    return { ...nothingYet, proxies, programs, withheld: withheld.sort(), told: toldIn(classes.values()) };
  }

  private stateOf(one: ViewClass, before: ClassState | undefined, { trust: issued }: Means): ClassState {
    const trust = keepUnchanged(before?.trust, trustFor(one.view, issued));
    const resources = trust === undefined ? [] : this.parts.shared(one, trust);
    const isSame = before !== undefined && isSameList(before.resources, resources);
    const listings = isSame ? before.listings : listingsOf(resources, before?.listings);
    return isSame && before.one === one && before.trust === trust ? before : { one, trust, resources, listings };
  }

  private configurationOf(
    { one, listings }: ClassState,
    isAsBefore: boolean,
    member: Workload,
    revision: string,
  ): ResourceSnapshot {
    const own = this.parts.own(one, member);
    const before = this.current.proxies.get(member.key);
    if (isAsBefore && before !== undefined) return before;
    const types = withRoutes(listings, own, before?.types);
    return before !== undefined && before.types === types ? before : { revision, types };
  }
}

/** @throws where a route of its own is called like one that leads out. */
function withRoutes(listings: Listings, own: readonly Resource[], before: Listings | undefined): Listings {
  const shared = listings.get(typeUrls.route) ?? new Map();
  const routes = listingsOf([...own, ...shared.values()]).get(typeUrls.route) ?? new Map();
  const next = new Map([...listings, [typeUrls.route, routes] as const]);
  return before === undefined ? next : keepListings(before, next);
}

/** Whether the CA would say again what it said. */
function isStill(trust: ProxyTrust, { view }: ViewClass, issued: IssuedTrust): boolean {
  const leaf = issued.leaf(view.workload.spiffeId);
  if (leaf?.privateKeyPem !== trust.privateKeyPem || leaf.certificateChainPem !== trust.certificateChainPem)
    return false;
  if (issued.rootPem !== trust.rootPem) return false;
  for (const [tenant, bundle] of trust.bundles) if (issued.bundlePem(tenant) !== bundle) return false;
  return true;
}

function toldIn(classes: Iterable<ClassState>): ReadonlyMap<string, readonly string[]> {
  const told = new Map<string, string[]>();
  for (const { one, trust } of classes) {
    for (const tenant of trust?.bundles.keys() ?? []) {
      const keys = told.get(tenant) ?? [];
      told.set(tenant, keys);
      for (const { key } of one.members) keys.push(key);
    }
  }
  return new Map([...told].map(([tenant, keys]) => [tenant, keys.sort()]));
}

function kept(former: ConfiguredProxies, next: ConfiguredProxies): ConfiguredProxies {
  const proxies = new Map(
    [...next.proxies].map(([key, each]) => {
      const before = former.proxies.get(key);
      if (before === undefined || before === each) return [key, each] as const;
      const types = keepListings(before.types, each.types);
      return [key, types === before.types ? before : { ...each, types }] as const;
    }),
  );
  const isSame = isSameList([...former.proxies.values()], [...proxies.values()]);
  return {
    proxies: isSame && isSameList([...former.proxies.keys()], [...proxies.keys()]) ? former.proxies : proxies,
    told: keepUnchanged(former.told, next.told),
    withheld: keepUnchanged(former.withheld, next.withheld),
    failed: isSameList(former.failed, next.failed) ? former.failed : next.failed,
    programs: isSameList(former.programs, next.programs) ? former.programs : next.programs,
    hasEveryProgram: next.hasEveryProgram,
  };
}
