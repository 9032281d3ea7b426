/**
 * The mesh as NetworkPolicies: for every tenant's namespace a default deny of both directions, and the ways of the mesh.
 *
 *   Snapshot ──slices──▶ entries ──kin──▶ ways ──▶ policies of each tenant        Nodes ──▶ where kubelets ask from
 *
 * It is the second wall and never narrower than the first: whatever some sidecar would let through passes here, and nothing
 * between two pods that their labels tell apart, and that the mesh does not let speak. Methods, paths and identities are
 * the sidecars' business. Readiness is nobody's: who is ill today is dialled tomorrow.
 * What did not change since the last time is the very same value.
 */
import { insideRanges } from '../../envoy/redirect.ts';
import { isSameList } from '../../model/keep-unchanged.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { observationOf } from '../../policy/observation.ts';
import { type Slice, type Slices, slicesOf } from '../../policy/tenant-slice.ts';
import { basePolicy, type Surroundings } from './base-policy.ts';
import { type Entries, entriesInto } from './entries.ts';
import { type Kin, kinIn } from './kin.ts';
import { type Addresses, kinPolicy } from './kin-policy.ts';
import { type NetworkPolicy, type Peer, podsOf, podsOfAny } from './network-policy.ts';
import { kubeletRanges, type NodePlace, publicRanges } from './node-places.ts';
import { waysInto } from './ways.ts';

export interface TenantPolicies {
  /** The base first, then sorted by name. */
  readonly policies: readonly NetworkPolicy[];
  /** Kin whose labels do not tell them apart, though the mesh does. */
  readonly blurred: readonly Kin[];
}

/** Most tenants that a scraper's policy names; where there are more it may ask in every namespace, and is let in by tenants alone. */
const namedMax = 1_000;
/** Most ranges that are taken out of the public ones: of a cluster whose nodes have public addresses. */
const exceptMax = 200;

/** Remembers what it made, and makes anew what moved. */
export class NetworkPolicies {
  #slices: Slices | undefined;
  #made: Made = new Map();

  /** @param nowMs epoch ms at which grants are judged dead or alive. @returns by tenant, sorted. */
  of(snapshot: Snapshot, nodes: readonly NodePlace[], nowMs: number): ReadonlyMap<string, TenantPolicies> {
    const former = this.#made;
    const made: Made = new Map();
    const remember = <T>(place: string, inputs: readonly unknown[], make: () => T): T => {
      const known = made.get(place) ?? former.get(place);
      const value = known !== undefined && isSameList(known.inputs, inputs) ? (known.value as T) : make();
      made.set(place, { inputs, value });
      return value;
    };
    this.#slices = slicesOf(snapshot, nowMs, this.#slices);
    const tenants = [...this.#slices.slices].map(([name, slice]) => peopled(name, slice, snapshot, nowMs, remember));
    const byName = new Map(tenants.map((each) => [each.name, each]));
    const kinOf = (name: string) => byName.get(name)?.kin ?? [];
    const ways = new Map(
      tenants.map(({ name, inside, guests }) => {
        const inputs = [inside, ...guests.map(kinOf)];
        return [name, remember(`ways/${name}`, inputs, () => waysInto(inside.entries, inside.kin, kinOf))] as const;
      }),
    );
    const scraping = scrapersIn(snapshot, kinOf);
    const { mesh } = snapshot;
    const surroundings = remember('surroundings', [mesh, nodes, ...scraping], () =>
      surroundingsOf(mesh, nodes, scraping),
    );
    const addresses = remember('addresses', [nodes], () => addressesOf(nodes));
    const names = remember('names', [...byName.keys()], () => [...byName.keys()]);
    this.#made = made;
    return new Map(
      tenants.map(({ name, kin, inside, hosts }) => {
        const near = [name, ...hosts].flatMap((each) => ways.get(each) ?? []);
        const external = snapshot.externalServices.get(name);
        const cutOff = kin.map(({ members }) => members.every(({ spiffeId }) => snapshot.quarantines.has(spiffeId)));
        const scrapers = kin.filter((each) => scraping.includes(each));
        const inputs = [
          inside,
          surroundings,
          addresses,
          external,
          ...near,
          ...cutOff,
          ...(scrapers.length > 0 ? names : []),
        ];
        const make = (): TenantPolicies => ({
          policies: [
            basePolicy(name, surroundings),
            ...kin.flatMap((each, index) => {
              const outside = cutOff[index] === true ? [] : (external ?? []);
              const policy = kinPolicy(
                {
                  kin: each,
                  into: near.filter(({ to }) => to === each),
                  outOf: near.filter(({ callers }) => callers.includes(each)),
                  externalPorts: [...new Set(outside.map(({ port }) => port))].sort((left, right) => left - right),
                  scraped: scrapers.includes(each) ? [namesOf(names)] : [],
                },
                addresses,
              );
              return policy ?? [];
            }),
          ],
          blurred: kin.filter(({ isBlurred }) => isBlurred),
        });
        return [name, remember(`policies/${name}`, inputs, make)];
      }),
    );
  }
}

type Made = Map<string, { readonly inputs: readonly unknown[]; readonly value: unknown }>;
type Remember = <T>(place: string, inputs: readonly unknown[], make: () => T) => T;

interface Inside {
  readonly entries: Entries;
  readonly kin: readonly Kin[];
}

function peopled(name: string, { snapshot: slice }: Slice, { tenants }: Snapshot, nowMs: number, remember: Remember) {
  const grants = [...slice.grants.values()];
  const guests = [...new Set([name, ...grants.flatMap(({ tenant, from }) => (tenant === name ? from.tenant : []))])];
  const hosts = [...new Set(grants.flatMap(({ tenant, from }) => (from.tenant === name ? tenant : [])))];
  const inside = remember(`inside/${name}`, [slice, ...guests.map((guest) => tenants.get(guest))], (): Inside => {
    const entries = entriesInto(name, slice, tenants, nowMs);
    const own = [...slice.workloads.values()].filter(({ tenant }) => tenant === name);
    return { entries, kin: kinIn(name, own, entries.faceOf) };
  });
  return { name, guests, hosts, inside, kin: inside.kin };
}

function scrapersIn(snapshot: Snapshot, kinOf: (tenant: string) => readonly Kin[]): readonly Kin[] {
  return observationOf(snapshot).scrapers.flatMap(({ tenant, spiffeIds }) =>
    kinOf(tenant).filter(({ members }) => members.some(({ spiffeId }) => spiffeIds.includes(spiffeId))),
  );
}

function surroundingsOf(
  { dnsResolvers }: Snapshot['mesh'],
  nodes: readonly NodePlace[],
  scraping: readonly Kin[],
): Surroundings {
  return {
    kubelets: kubeletRanges(nodes),
    resolvers: dnsResolvers,
    scrapers: scraping.map(({ namespace, selector }) => podsOf(namespace, selector)),
  };
}

function addressesOf(nodes: readonly NodePlace[]): Addresses {
  const outside = ([4, 6] as const).map((family): Peer => {
    const insides = insideRanges[family];
    const own = publicRanges(nodes, family, insides);
    return { ipBlock: { cidr: family === 4 ? '0.0.0.0/0' : '::/0', except: [...insides, ...own.slice(0, exceptMax)] } };
  });
  return { outside, ofNodes: new Set(nodes.flatMap(({ addresses }) => addresses)) };
}

function namesOf(tenants: readonly string[]): Peer {
  return tenants.length <= namedMax ? podsOfAny(tenants) : { namespaceSelector: {}, podSelector: {} };
}
