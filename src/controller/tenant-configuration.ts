/**
 * What the proxies of one tenant are told, from one look to the next: a class that is as it was is not looked into.
 *
 * Where something of ours throws, the pure function makes the whole tenant: it knows how to close one port, or to leave
 * one proxy alone, and it is slower. So here is one path for the mesh that is well, and one answer to every fault, which
 * is counted: a tenant that stays on the slow way is told the same and costs the more at each look.
 */
import type { Platform } from '../envoy/platform.ts';
import { isSameList, keepSameMap, keepUnchanged } from '../model/keep-unchanged.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { classesOf, type ViewClasses } from '../policy/view-classes.ts';
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';
import { ClassConfiguration } from './class-configuration.ts';
import { type ClassState, classStateOf, type FormerMember, type MemberState } from './class-state.ts';
import type { WorkCounters } from './configurator.ts';
import { type ConfiguredProxies, configureProxies, type Means } from './configure.ts';
import { keepListing, keepListings } from './listings.ts';
import { type Answers, answersAlike, recorded } from './trust-for.ts';

const nothingYet: ConfiguredProxies = {
  proxies: new Map(),
  told: new Map(),
  withheld: [],
  failed: [],
  programs: new Map(),
  hasEveryProgram: true,
};

export class TenantConfiguration {
  private readonly tenant: string;
  private readonly counters: WorkCounters;
  private readonly parts: ClassConfiguration;
  /** From which mesh and whose answers it was made; absent where it was made the slow way. */
  private slice: Snapshot | undefined;
  private platform: Platform;
  private answers: Answers | undefined;
  private views: ViewClasses | undefined;
  private classes: ReadonlyMap<string, ClassState> = new Map();
  private members: ReadonlyMap<string, MemberState> = new Map();
  private current = nothingYet;

  constructor(tenant: string, { platform, encoder }: Means, counters: WorkCounters) {
    this.tenant = tenant;
    this.counters = counters;
    this.platform = platform;
    this.parts = new ClassConfiguration(platform, encoder);
  }

  /** @returns the very same value where nothing changed. */
  look(slice: Snapshot, revision: string, means: Means): ConfiguredProxies {
    try {
      const isSame = slice === this.slice && means.platform === this.platform;
      if (isSame && this.answers && answersAlike(means.trust, this.answers)) return this.current;
      const { trust, answers } = recorded(means.trust);
      this.current = kept(this.current, this.make(slice, revision, { ...means, trust }));
      this.slice = slice;
      this.platform = means.platform;
      this.answers = answers;
    } catch (cause) {
      this.counters.madeWhole(this.tenant, cause);
      this.slice = undefined;
      this.views = undefined;
      this.classes = new Map();
      this.members = new Map();
      const members = [...slice.workloads.values()].filter(({ tenant }) => tenant === this.tenant);
      this.counters.visited(members.length);
      this.current = kept(
        this.current,
        withListingsKept(this.current, configureProxies({ ...slice, revision }, members, means)),
      );
    }
    return this.current;
  }

  private make(slice: Snapshot, revision: string, means: Means): ConfiguredProxies {
    this.parts.standIn(means.platform);
    const views = classesOf(slice, this.tenant, means.nowMs, this.views);
    const classes = new Map<string, ClassState>();
    const members = new Map<string, MemberState>();
    const memberBefore = (key: string) => this.members.get(key) ?? strangerIn(this.current, key);
    const look = { parts: this.parts, issued: means.trust, revision, memberBefore };
    for (const one of views.classes.values()) {
      const before = this.classes.get(one.key);
      const state = classStateOf(one, before, look);
      if (state !== before) this.counters.visited(one.members.length);
      classes.set(one.key, state);
      for (const [key, member] of state.members) members.set(key, member);
    }
    this.parts.sweep();
    const isToldStill = this.slice !== undefined && areToldAlike(this.classes, classes);
    this.views = views;
    this.classes = classes;
    this.members = members;
    return configured(members, isToldStill ? this.current.told : toldIn(classes.values()));
  }
}

function configured(members: ReadonlyMap<string, MemberState>, told: ConfiguredProxies['told']): ConfiguredProxies {
  const proxies = new Map<string, ResourceSnapshot>();
  const programs = new Map<string, Resource>();
  const withheld: string[] = [];
  for (const [key, member] of members) {
    programs.set(key, member.own.program);
    if (member.told === undefined) withheld.push(key);
    else proxies.set(key, member.told.snapshot);
  }
  return { ...nothingYet, proxies, programs, withheld: withheld.sort(), told };
}

/** Whether members of the same names believe the same. */
function areToldAlike(former: ReadonlyMap<string, ClassState>, next: ReadonlyMap<string, ClassState>): boolean {
  if (former.size !== next.size) return false;
  for (const [key, { one, shared }] of next) {
    const before = former.get(key);
    if (before === undefined || before.shared?.trust !== shared?.trust) return false;
    const members = before.one.members;
    if (members.length !== one.members.length) return false;
    if (members !== one.members && members.some((each, index) => each.key !== one.members[index]?.key)) return false;
  }
  return true;
}

function toldIn(classes: Iterable<ClassState>): ReadonlyMap<string, readonly string[]> {
  const told = new Map<string, string[]>();
  for (const { one, shared } of classes) {
    for (const tenant of shared?.trust.bundles.keys() ?? []) {
      const keys = told.get(tenant) ?? [];
      told.set(tenant, keys);
      for (const { key } of one.members) keys.push(key);
    }
  }
  return new Map([...told].map(([tenant, keys]) => [tenant, keys.sort()]));
}

function kept(former: ConfiguredProxies, next: ConfiguredProxies): ConfiguredProxies {
  const made: ConfiguredProxies = {
    proxies: keepSameMap(former.proxies, next.proxies),
    told: keepUnchanged(former.told, next.told),
    withheld: keepUnchanged(former.withheld, next.withheld),
    failed: isSameList(former.failed, next.failed) ? former.failed : next.failed,
    programs: keepListing(former.programs, next.programs),
    hasEveryProgram: next.hasEveryProgram,
  };
  const fields = Object.keys(made) as (keyof ConfiguredProxies)[];
  return fields.every((field) => former[field] === made[field]) ? former : made;
}

/** Of what was made without regard to what was there before. */
function withListingsKept(former: ConfiguredProxies, next: ConfiguredProxies): ConfiguredProxies {
  const proxies = new Map<string, ResourceSnapshot>();
  for (const [key, each] of next.proxies) {
    const before = former.proxies.get(key);
    const types = before === undefined ? each.types : keepListings(before.types, each.types);
    proxies.set(key, before?.types === types ? before : { ...each, types });
  }
  return { ...next, proxies };
}

/** What is known of a proxy that its class did not make. */
function strangerIn({ proxies }: ConfiguredProxies, key: string): FormerMember {
  const snapshot = proxies.get(key);
  return snapshot === undefined ? {} : { told: { snapshot } };
}
