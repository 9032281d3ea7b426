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
import type { ExternalService, Snapshot } from '../../model/snapshot.ts';
import { observationOf } from '../../policy/observation.ts';
import { type Slice, type Slices, slicesOf } from '../../policy/tenant-slice.ts';
import { basePolicy, type Surroundings } from './base-policy.ts';
import { type Entries, entriesInto } from './entries.ts';
import { type Kin, kinIn } from './kin.ts';
import { type Addresses, type KinWays, kinPolicy } from './kin-policy.ts';
import { type NetworkPolicy, type Peer, podsOf, podsOfAny } from './network-policy.ts';
import { kubeletRanges, type NodePlace, publicRanges } from './node-places.ts';
import { Remembered } from './remembered.ts';
import { type Way, waysInto } from './ways.ts';

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
  readonly #remembered = new Remembered();
  #slices: Slices | undefined;

  /**
   * @param nodes the very same list while they are the same.
   * @param nowMs epoch ms at which grants are judged dead or alive.
   * @returns by tenant, sorted.
   */
  of(snapshot: Snapshot, nodes: readonly NodePlace[], nowMs: number): ReadonlyMap<string, TenantPolicies> {
    this.#remembered.beginTurn();
    this.#slices = slicesOf(snapshot, nowMs, this.#slices);
    const tenants = [...this.#slices.slices].map(([name, slice]) => this.#peopled(name, slice, snapshot, nowMs));
    const byName = new Map(tenants.map((each) => [each.name, each]));
    const kinOf = (name: string) => byName.get(name)?.inside.kin ?? [];
    const ways = new Map(tenants.map((tenant) => [tenant.name, this.#waysInto(tenant, kinOf)]));
    const common = this.#common(snapshot, nodes, [...byName.keys()], kinOf);
    return new Map(
      tenants.map((tenant) => {
        const near = [tenant.name, ...tenant.hosts].flatMap((each) => ways.get(each) ?? []);
        return [tenant.name, this.#policiesOf(tenant, near, snapshot, common)];
      }),
    );
  }

  #peopled(name: string, { snapshot: slice }: Slice, { tenants }: Snapshot, nowMs: number): Peopled {
    const grants = [...slice.grants.values()];
    const guests = [...new Set([name, ...grants.flatMap(({ tenant, from }) => (tenant === name ? from.tenant : []))])];
    const hosts = [...new Set(grants.flatMap(({ tenant, from }) => (from.tenant === name ? tenant : [])))];
    const inputs = [slice, ...guests.map((guest) => tenants.get(guest))];
    const inside = this.#remembered.of(`inside/${name}`, inputs, (): Inside => {
      const entries = entriesInto(name, slice, tenants, nowMs);
      const own = [...slice.workloads.values()].filter(({ tenant }) => tenant === name);
      return { entries, kin: kinIn(name, own, entries.faceOf) };
    });
    return { name, guests, hosts, inside };
  }

  #waysInto({ name, guests, inside }: Peopled, kinOf: KinOf): readonly Way[] {
    const inputs = [inside, ...guests.map(kinOf)];
    return this.#remembered.of(`ways/${name}`, inputs, () => waysInto(inside.entries, inside.kin, kinOf));
  }

  #common(snapshot: Snapshot, nodes: readonly NodePlace[], names: readonly string[], kinOf: KinOf): Common {
    const scraping = scrapersIn(snapshot, kinOf);
    const { mesh } = snapshot;
    return {
      scraping,
      surroundings: this.#remembered.of('surroundings', [mesh, nodes, ...scraping], () =>
        surroundingsOf(mesh, nodes, scraping),
      ),
      addresses: this.#remembered.of('addresses', [nodes], () => addressesOf(nodes)),
      scraped: this.#remembered.of('scraped', names, () => [everyPodOf(names)]),
    };
  }

  #policiesOf({ name, inside }: Peopled, near: readonly Way[], snapshot: Snapshot, common: Common): TenantPolicies {
    const { kin } = inside;
    const { surroundings, addresses } = common;
    const external = snapshot.externalServices.get(name) ?? nothing;
    const isCutOff = ({ members }: Kin) => members.every(({ spiffeId }) => snapshot.quarantines.has(spiffeId));
    const scrapedBy = (each: Kin) => (common.scraping.includes(each) ? common.scraped : nothing);
    const inputs = [inside, surroundings, addresses, external, ...kin.map(scrapedBy), ...near];
    return this.#remembered.of(`policies/${name}`, inputs, () => ({
      policies: [
        basePolicy(name, surroundings),
        ...kin.flatMap((each) => {
          const ways: KinWays = {
            kin: each,
            into: near.filter(({ to }) => to === each),
            outOf: near.filter(({ callers }) => callers.includes(each)),
            externalPorts: isCutOff(each) ? nothing : portsOf(external),
            scraped: scrapedBy(each),
          };
          return kinPolicy(ways, addresses) ?? [];
        }),
      ],
      blurred: kin.filter(({ isBlurred }) => isBlurred),
    }));
  }
}

type KinOf = (tenant: string) => readonly Kin[];

/** One tenant, and whom it deals with. */
interface Peopled {
  readonly name: string;
  /** Whom it lets in, itself first. */
  readonly guests: readonly string[];
  /** Who lets it in. */
  readonly hosts: readonly string[];
  readonly inside: Inside;
}

interface Inside {
  readonly entries: Entries;
  readonly kin: readonly Kin[];
}

/** What is the same for every tenant. */
interface Common {
  readonly surroundings: Surroundings;
  readonly addresses: Addresses;
  readonly scraping: readonly Kin[];
  readonly scraped: readonly Peer[];
}

const nothing: readonly never[] = [];

function portsOf(external: readonly ExternalService[]): readonly number[] {
  return [...new Set(external.map(({ port }) => port))].sort((left, right) => left - right);
}

function scrapersIn(snapshot: Snapshot, kinOf: KinOf): readonly Kin[] {
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

function everyPodOf(tenants: readonly string[]): Peer {
  return tenants.length <= namedMax ? podsOfAny(tenants) : { namespaceSelector: {}, podSelector: {} };
}
