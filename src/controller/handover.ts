/**
 * Order between two proxies: a caller is led to a door when it is open, and a door is shut when its callers have left.
 *
 *   callee   inbound listener with a new chain ──▶ ACK, and all behind it ──▶ open        endpoint and way ──▶ caller
 *   caller   way and endpoint gone ──▶ ACK ──▶ left                                       chain gone ──▶ callee
 *
 * On one stream the xDS server keeps the order; between two streams nobody else does. What each proxy is given follows
 * from what it is to have, what it was given last, and what the others may be working with; it is worked out anew after
 * every look and every answer that somebody waits for (hold-ways.ts, hold-doors.ts, acceptance.ts).
 *
 * What nobody waits for: a proxy without a stream, which would be waited for without end (its callers have outlier
 * detection for that); one that was never given anything else, which is ready when its pod says so; a door that its
 * own configuration does not have either. What waits for nobody: a new chain; an endpoint that is gone; and everything
 * where rights have changed (rights.ts), because then something may have been tightened.
 * No cycle: callers wait for new chains, chains that go wait for callers, and new chains wait for neither. Whatever is held
 * is given after `silenceMs` all the same.
 */
import type { Workload } from '../model/snapshot.ts';
import type { ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import { Acceptance, effectMs, silenceMs } from './acceptance.ts';
import {
  addressOf,
  type Door,
  doorAt,
  doorsOf,
  type EndpointKey,
  endpointBehind,
  endpointsOf,
  inboundListeners,
} from './doors.ts';
import { holdDoors } from './hold-doors.ts';
import { holdWays } from './hold-ways.ts';
import { keyOf, type ResourceKey } from './references.ts';
import type { Rights } from './rights.ts';
import { compose, isSame } from './rollout-unit.ts';

export type HandoverEvent =
  /** @param intended what proxies are to have once the canaries have passed; of one that is not named, as before. */
  | {
      readonly kind: 'looked';
      readonly workloads: ReadonlyMap<string, Workload>;
      readonly intended: ReadonlyMap<string, ResourceSnapshot>;
      readonly rights: Rights;
      readonly gone: readonly string[];
    }
  | { readonly kind: 'connected' | 'disconnected'; readonly proxy: string }
  | {
      readonly kind: 'answered';
      readonly proxy: string;
      readonly typeUrl: string;
      /** Versions by name. */
      readonly resources: ReadonlyMap<string, string>;
      /** What it does not have any more. */
      readonly removed: readonly string[];
    }
  /** It is `wakeAtMs`, or later. */
  | { readonly kind: 'time' };

export interface HandoverStep {
  /** Only what differs from before. */
  readonly publish: ReadonlyMap<string, ResourceSnapshot>;
  /** Epoch ms of the next `time`, Infinity where nothing is held. */
  readonly wakeAtMs: number;
}

interface Proxy {
  wanted: ResourceSnapshot;
  /** Absent until it was given something. */
  acceptance?: Acceptance;
  /** As they were when its configuration was made last. */
  places: string;
  rights: string;
  /** What is held back from it, and since when, in epoch ms. */
  held: ReadonlyMap<ResourceKey, number>;
}

export class Handover {
  readonly #proxies = new Map<string, Proxy>();
  readonly #connected = new Set<string>();
  /** Those that something is held back from. */
  readonly #holding = new Set<string>();
  readonly #intended = new Map<string, ResourceSnapshot>();
  #workloads: ReadonlyMap<string, Workload> = new Map();
  #byAddress: ReadonlyMap<string, Workload> = new Map();
  #rights: Rights = { places: '', of: () => '' };
  #answeredAtMs = -Infinity;
  /** When to look again at what is held, because something that was answered is in force. */
  #effectAtMs = Infinity;

  /**
   * @param event absent where something happened that says nothing of who may be led where.
   * @param given what the canaries let proxies have from now on; whoever is not among them has nothing new.
   */
  take(event: HandoverEvent | undefined, given: ReadonlyMap<string, ResourceSnapshot>, nowMs: number): HandoverStep {
    const concerned = event === undefined ? new Set<string>() : this.#concernedBy(event, nowMs);
    for (const [key, wanted] of given) {
      const known = this.#proxies.get(key);
      if (known === undefined) this.#proxies.set(key, { wanted, places: '', rights: '', held: new Map() });
      else known.wanted = wanted;
      concerned.add(key);
    }
    const publish = this.#giveAll(concerned, nowMs);
    if (event?.kind === 'looked') this.#noteRights(event.intended.keys());
    return { publish, wakeAtMs: this.#wakeAtMs(nowMs) };
  }

  #concernedBy(event: HandoverEvent, nowMs: number): Set<string> {
    switch (event.kind) {
      case 'looked':
        this.#look(event);
        return new Set(this.#holding);
      case 'connected':
        this.#connected.add(event.proxy);
        return new Set();
      case 'disconnected':
        this.#connected.delete(event.proxy);
        return new Set(this.#holding);
      case 'answered':
        this.#proxies.get(event.proxy)?.acceptance?.answered(event.typeUrl, event.resources, event.removed, nowMs);
        this.#answeredAtMs = nowMs;
        return new Set();
      case 'time':
        return new Set(this.#holding);
    }
  }

  #look({ workloads, intended, rights, gone }: Extract<HandoverEvent, { kind: 'looked' }>): void {
    this.#workloads = workloads;
    this.#rights = rights;
    const all = [...workloads.values()];
    this.#byAddress = new Map(all.flatMap((each) => each.addresses.map((address) => [address, each] as const)));
    for (const [key, snapshot] of intended) this.#intended.set(key, snapshot);
    for (const key of gone) {
      this.#proxies.delete(key);
      this.#holding.delete(key);
      this.#intended.delete(key);
    }
  }

  /** What of the configuration is gone by the next look and under the same rights was not forbidden. */
  #noteRights(made: Iterable<string>): void {
    for (const key of made) {
      const proxy = this.#proxies.get(key);
      const workload = this.#workloads.get(key);
      if (proxy === undefined || workload === undefined) continue;
      proxy.places = this.#rights.places;
      proxy.rights = this.#rights.of(workload);
    }
  }

  #giveAll(concerned: ReadonlySet<string>, nowMs: number): ReadonlyMap<string, ResourceSnapshot> {
    const publish = new Map<string, ResourceSnapshot>();
    for (const key of concerned) {
      const proxy = this.#proxies.get(key);
      if (proxy === undefined) continue;
      const next = this.#next(key, proxy, nowMs);
      const before = proxy.acceptance?.given;
      if (before !== undefined && isSame(before, next)) continue;
      publish.set(key, next);
      if (proxy.acceptance === undefined) proxy.acceptance = new Acceptance(next);
      else proxy.acceptance.give(next, nowMs);
    }
    return publish;
  }

  #next(key: string, proxy: Proxy, nowMs: number): ResourceSnapshot {
    const { acceptance, wanted } = proxy;
    const workload = this.#workloads.get(key);
    if (acceptance === undefined || workload === undefined) return wanted;
    const { tenant } = workload;
    const arePlacesSame = this.#rights.places === proxy.places;
    const isTimely = (held: ResourceKey) => nowMs < (proxy.held.get(held) ?? nowMs) + silenceMs;
    const draft = holdWays(acceptance.given, wanted, {
      isOpen: (endpoint) => this.#isOpen(endpoint, tenant, nowMs),
      isThere: (endpoint) => this.#byAddress.has(addressOf(endpoint)),
      mayHold: (held) => arePlacesSame && isTimely(held),
    });
    holdDoors(acceptance.given, draft, {
      isUsed: (door) => this.#isComing(key, door) || this.#isUsed(workload, door, nowMs),
      mayHold: (held) => arePlacesSame && this.#rights.of(workload) === proxy.rights && isTimely(held),
    });
    proxy.held = new Map([...draft.held].map((held) => [held, proxy.held.get(held) ?? nowMs]));
    if (proxy.held.size > 0) this.#holding.add(key);
    else this.#holding.delete(key);
    const next = draft.finish();
    return next === wanted ? wanted : compose(acceptance.given, next, []);
  }

  #isOpen(endpoint: EndpointKey, callerTenant: string, nowMs: number): boolean {
    const callee = this.#byAddress.get(addressOf(endpoint))?.key ?? '';
    const acceptance = this.#connected.has(callee) ? this.#proxies.get(callee)?.acceptance : undefined;
    if (acceptance === undefined) return true;
    const door = doorAt(endpoint, callerTenant);
    const intended = this.#intended.get(callee) ?? acceptance.given;
    const listeners = inboundListeners(intended).filter((listener) => doorsOf(listener).has(door));
    return listeners.every((listener) => {
      const possible = acceptance.possible(keyOf(listener), nowMs);
      if (!possible.every((each) => each !== undefined && doorsOf(each).has(door))) return false;
      const behind = [...(doorsOf(listener).get(door) ?? [])];
      return behind.every((key) => acceptance.possible(key, nowMs).length === 1);
    });
  }

  /** A door that waits for a canary is not shut until then. */
  #isComing(callee: string, door: Door): boolean {
    const intended = this.#intended.get(callee);
    return intended !== undefined && inboundListeners(intended).some((listener) => doorsOf(listener).has(door));
  }

  #isUsed({ addresses }: Workload, door: Door, nowMs: number): boolean {
    for (const [key, { acceptance }] of this.#proxies) {
      const tenant = this.#workloads.get(key)?.tenant;
      if (acceptance === undefined || tenant === undefined || !this.#connected.has(key)) continue;
      const endpoints = addresses.map((address) => endpointBehind(door, address));
      if (!endpoints.some((endpoint) => doorAt(endpoint, tenant) === door)) continue;
      const assignments = acceptance.possibleOf(typeUrls.endpoints, nowMs);
      if (assignments.some((each) => endpoints.some((endpoint) => endpointsOf(each).has(endpoint)))) return true;
    }
    return false;
  }

  #wakeAtMs(nowMs: number): number {
    if (this.#effectAtMs <= nowMs) this.#effectAtMs = Infinity;
    if (this.#holding.size === 0) return Infinity;
    // As it is first set it stays: answers that never end would put it off for ever.
    const effectAtMs = this.#answeredAtMs + effectMs;
    if (this.#effectAtMs === Infinity && effectAtMs > nowMs) this.#effectAtMs = effectAtMs;
    const since = [...this.#holding].flatMap((key) => [...(this.#proxies.get(key)?.held.values() ?? [])]);
    return Math.min(this.#effectAtMs, Math.min(...since, Infinity) + silenceMs);
  }
}
