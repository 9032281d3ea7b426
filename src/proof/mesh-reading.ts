/**
 * All proxies of a mesh, read once: who can be dialled where, and who leads where.
 *
 * Doors are indexed by the tenants whose CA they believe: a caller meets those that could believe him, and the few of
 * which that cannot be said. The index only spares work; what it leaves out would refuse him.
 */
import type { ResourceSnapshot } from '../xds/resource.ts';
import type { Caller, Dialled } from './connection.ts';
import { type Door, doorsOf, type Place } from './door.ts';
import { best, type Entry, enter, type World } from './entry.ts';
import { anywhere, type Exit, exitsOf, fromApplication } from './exit.ts';
import { HeldResources } from './held-resources.ts';
import { type Anchors, type Belief, believes, type Trust, tenantsBelieved } from './trust-reading.ts';

/** What is proven over: places from the sources, all else from the bytes that proxies are told. */
export interface ProofMesh {
  readonly places: ReadonlyMap<string, Place>;
  /** By workload; of one that is absent nothing is known. */
  readonly resources: ReadonlyMap<string, ResourceSnapshot>;
  readonly anchors: Anchors;
  /** Epoch ms at which rules with an end are judged. */
  readonly nowMs: number;
}

interface ProxyReading {
  readonly held: HeldResources;
  readonly doors: readonly Door[];
  /** Why nothing can be said of it. */
  readonly unread?: string;
}

/** How one workload comes to another. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly door: string;
  readonly chain: string;
  /** Its own sidecar leads there; absent where it dials past it. */
  readonly exit?: { readonly listener: string; readonly cluster: string };
  readonly entry: Exclude<Entry, { kind: 'refused' }>;
}

export class MeshReading {
  readonly #mesh: ProofMesh;
  readonly #world: World;
  readonly #proxies = new Map<string, ProxyReading>();
  readonly #exits = new Map<string, readonly Exit[]>();
  readonly #byTenant = new Map<string, Door[]>();
  /** Doors that may believe anybody, and proxies of which nothing is known. */
  readonly #open: Door[] = [];
  readonly #byAddress = new Map<string, string[]>();

  constructor(mesh: ProofMesh) {
    this.#mesh = mesh;
    this.#world = { anchors: mesh.anchors, nowMs: mesh.nowMs };
    for (const place of mesh.places.values()) {
      for (const address of place.addresses) {
        this.#byAddress.set(address, [...(this.#byAddress.get(address) ?? []), place.key]);
      }
      const proxy = readProxy(place, mesh.resources.get(place.key));
      this.#proxies.set(place.key, proxy);
      for (const door of proxy.doors) this.#index(door);
    }
  }

  caller(key: string): Caller {
    return this.#placeOf(key);
  }

  doorsOf(key: string): readonly Door[] {
    return this.#proxies.get(key)?.doors ?? [];
  }

  /** Workloads of which nothing is known, and why. */
  unread(): ReadonlyMap<string, string> {
    const all = [...this.#proxies].flatMap(([key, { unread }]) =>
      unread === undefined ? [] : [[key, unread] as const],
    );
    return new Map(all);
  }

  /** Doors that a caller with this tenant's certificate, or none, might pass. */
  doorsFor(tenant: string): readonly Door[] {
    return [...(this.#byTenant.get(tenant) ?? []), ...this.#open];
  }

  /** What a caller comes to who dials this door himself, past his own sidecar. @param ways of `waysTo`. */
  knock({ workload, chain, certain, strange }: Door, caller: Caller, ways: readonly Dialled[]): Entry {
    if (strange !== undefined) return { kind: 'unclear', why: `nobody here understands ${strange}` };
    const { held } = this.#proxy(workload);
    const entry = best(ways.map((way) => enter(chain, held, way, caller, this.#world)));
    if (entry === undefined) return { kind: 'refused', why: 'no connection is taken by it' };
    return entry.kind === 'admitted' && !certain
      ? { kind: 'unclear', why: 'which chain takes it is not certain' }
      : entry;
  }

  /** Where this workload's own sidecar leads, and is let in. @param wanted doors that matter. */
  ledFrom(key: string, wanted: (door: Door) => boolean): readonly Link[] {
    return this.#exitsOf(key).flatMap((exit) => {
      const { listener, cluster, strange } = exit;
      if (strange !== undefined) {
        return [...this.#proxies].flatMap(([to, { doors }]) =>
          to === key ? [] : doors.filter(wanted).map((door) => linkTo(key, door, unclear(strange))),
        );
      }
      return exit.endpoints.flatMap(({ address, port }) =>
        (this.#byAddress.get(address) ?? []).flatMap((to) =>
          to === key
            ? []
            : this.doorsOf(to)
                .filter(wanted)
                .flatMap((door) => {
                  const entry = this.#follow(key, exit, door, address, port);
                  return entry.kind === 'refused' ? [] : [linkTo(key, door, entry, { listener, cluster })];
                }),
        ),
      );
    });
  }

  #follow(key: string, { http, upstream, cluster }: Exit, door: Door, address: string, port: number): Entry {
    const dialled: Dialled =
      upstream.kind === 'tls'
        ? { address, port, transport: 'tls', sni: upstream.sni }
        : { address, port, transport: 'plaintext' };
    if (!door.takes(dialled)) return { kind: 'refused', why: 'another chain takes it' };
    if (door.strange !== undefined) return unclear(door.strange);
    const server = this.#placeOf(door.workload);
    let doubt: string | undefined;
    if (upstream.kind === 'tls') {
      const { believed, why } = this.#believesServer(upstream.trust, server);
      if (believed === 'no') return { kind: 'refused', why };
      if (believed === 'maybe') doubt = why;
    }
    const { held } = this.#proxy(door.workload);
    const { nowMs } = this.#world;
    const choice = {
      named: upstream.kind === 'tls' && upstream.showsCertificate,
      requests: http?.samples().requests ?? [],
      sends: (request: Parameters<HttpJudge>[1]) =>
        http === undefined ? 'yes' : http.judge(fromApplication, request, 'exact', nowMs, cluster).passes,
    } as const;
    const entry = enter(door.chain, held, dialled, this.#placeOf(key), this.#world, choice);
    return entry.kind === 'admitted' && doubt !== undefined ? { kind: 'unclear', why: doubt } : entry;
  }

  #believesServer(trust: Trust, server: Caller): Belief {
    switch (trust.kind) {
      case 'anyone':
        return { believed: 'yes', why: '' };
      case 'checked':
        return believes(trust.context, server, this.#mesh.anchors);
      case 'missing':
        return { believed: 'no', why: `the secret \`${trust.secret}\` that says whom to believe is not there` };
      case 'not-understood':
        return { believed: 'maybe', why: `nobody here understands ${trust.why}` };
    }
  }

  #exitsOf(key: string): readonly Exit[] {
    const known = this.#exits.get(key);
    if (known !== undefined) return known;
    const { held, unread } = this.#proxy(key);
    const exits = unread === undefined ? exitsOf(held) : [anywhere('', unread)];
    this.#exits.set(key, exits);
    return exits;
  }

  #index(door: Door): void {
    const { handshake } = door.chain;
    const tenants =
      door.strange === undefined && handshake.kind === 'tls' && handshake.certificateRequired
        ? tenantsBelieved(handshake.trust, this.#mesh.anchors)
        : undefined;
    if (tenants === undefined) this.#open.push(door);
    for (const tenant of tenants ?? []) {
      const known = this.#byTenant.get(tenant) ?? [];
      known.push(door);
      this.#byTenant.set(tenant, known);
    }
  }

  #proxy(key: string): ProxyReading {
    const proxy = this.#proxies.get(key);
    if (proxy === undefined) throw new Error(`there is no workload \`${key}\` in this proof`);
    return proxy;
  }

  #placeOf(key: string): Place {
    const place = this.#mesh.places.get(key);
    if (place === undefined) throw new Error(`there is no workload \`${key}\` in this proof`);
    return place;
  }
}

export function linkTo(from: string, door: Door, entry: Link['entry'], exit?: Link['exit']): Link {
  const { workload: to, listener, chain } = door;
  return { from, to, door: listener, chain: chain.name, entry, ...(exit === undefined ? {} : { exit }) };
}

function unclear(what: string): Extract<Entry, { kind: 'unclear' }> {
  return { kind: 'unclear', why: `nobody here understands ${what}` };
}

type HttpJudge = NonNullable<Exit['http']>['judge'];

function readProxy(place: Place, resources: ResourceSnapshot | undefined): ProxyReading {
  const held = new HeldResources(resources ?? { revision: '', types: new Map() });
  if (resources === undefined) return { held, doors: [], unread: 'it has no configuration here' };
  try {
    return { held, doors: doorsOf(place, held) };
  } catch (error) {
    return { held, doors: [], unread: error instanceof Error ? error.message : String(error) };
  }
}
