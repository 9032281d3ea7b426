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
 * Each event costs what it concerns: of a proxy whose configuration did not change, and from which nothing is held back,
 * nothing is asked, and who waits for whom is known by name.
 * No cycle: callers wait for new chains, chains that go wait for callers, and new chains wait for neither. Whatever is held
 * is given after `silenceMs` all the same.
 */
import type { Workload } from '../model/snapshot.ts';
import type { ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import { Acceptance, effectMs, silenceMs } from './acceptance.ts';
import {
  type Door,
  doorAt,
  doorsOf,
  type EndpointKey,
  endpointBehind,
  endpointsOf,
  inboundListeners,
} from './doors.ts';
import { HandoverDirectory } from './handover-directory.ts';
import { HandoverHolds } from './handover-holds.ts';
import { holdDoors } from './hold-doors.ts';
import { holdWays } from './hold-ways.ts';
import { keyOf, type ResourceKey } from './references.ts';
import type { Rights } from './rights.ts';
import type { MapChanges } from './rollout-changes.ts';
import { compose, isSame } from './rollout-unit.ts';

export type HandoverEvent =
  | ({ readonly kind: 'looked' } & Look)
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

interface Look {
  readonly workloads: ReadonlyMap<string, Workload>;
  /** What differs from the workloads of the look before. */
  readonly moved: MapChanges<Workload>;
  /** What proxies are to have once the canaries have passed; of one that is not named, as before. */
  readonly intended: ReadonlyMap<string, ResourceSnapshot>;
  /** Proxies for which nothing was made in this look, while something was in the one before. */
  readonly unmade: readonly string[];
  readonly rights: Rights;
  readonly gone: readonly string[];
}

export interface HandoverStep {
  /** Only what differs from before. */
  readonly publish: ReadonlyMap<string, ResourceSnapshot>;
  /** When the next `time` is, as `nowMs` counts; Infinity where nothing is held. */
  readonly wakeAtMs: number;
}

interface Proxy {
  wanted: ResourceSnapshot;
  /** Absent until it was given something. */
  acceptance?: Acceptance;
}

/** As they were when the configuration of a proxy was made last. */
type RightsThen = Readonly<Record<'places' | 'own', string>>;

export class Handover {
  readonly #counted: () => void;
  readonly #proxies = new Map<string, Proxy>();
  readonly #directory = new HandoverDirectory();
  readonly #holds = new HandoverHolds();
  readonly #intended = new Map<string, ResourceSnapshot>();
  #rights: Rights = { places: '', of: () => '' };
  /** The newest look of which all has been given, with its rights: that in which configurations were made last... */
  #made: Pick<Look, 'workloads' | 'rights'> = { workloads: new Map(), rights: this.#rights };
  /** ...but those of these proxies. */
  readonly #unmade = new Map<string, RightsThen>();
  #answeredAtMs = -Infinity;
  /** When to look again at what is held, because something that was answered is in force. */
  #effectAtMs = Infinity;

  /** @param counted told of each time that it is worked out what a proxy is given. */
  constructor(counted: () => void = () => undefined) {
    this.#counted = counted;
  }

  /**
   * @param event absent where something happened that says nothing of who may be led where.
   * @param given what the canaries let proxies have from now on; whoever is not among them has nothing new.
   */
  take(event: HandoverEvent | undefined, given: ReadonlyMap<string, ResourceSnapshot>, nowMs: number): HandoverStep {
    const concerned = event === undefined ? new Set<string>() : this.#concernedBy(event, nowMs);
    for (const [key, wanted] of given) {
      const known = this.#proxies.get(key);
      if (known === undefined) this.#proxies.set(key, { wanted });
      else known.wanted = wanted;
      concerned.add(key);
    }
    const publish = this.#giveAll(concerned, nowMs);
    if (event?.kind === 'looked') this.#noteMade(event);
    return { publish, wakeAtMs: this.#wakeAtMs(nowMs) };
  }

  /** Whether something is held back from this proxy until another has answered. */
  isHolding(proxy: string): boolean {
    return this.#holds.has(proxy);
  }

  #concernedBy(event: HandoverEvent, nowMs: number): Set<string> {
    switch (event.kind) {
      case 'looked':
        this.#look(event);
        return this.#holds.all();
      case 'connected':
        this.#directory.connect(event.proxy);
        return new Set();
      case 'disconnected':
        this.#directory.disconnect(event.proxy);
        return this.#holds.waitingFor(event.proxy);
      case 'answered':
        this.#proxies.get(event.proxy)?.acceptance?.answered(event.typeUrl, event.resources, event.removed, nowMs);
        this.#answeredAtMs = nowMs;
        return new Set();
      case 'time':
        return this.#holds.all();
    }
  }

  #look({ workloads, moved, intended, rights, gone }: Look): void {
    this.#directory.look(workloads, moved);
    this.#rights = rights;
    for (const [key, snapshot] of intended) this.#intended.set(key, snapshot);
    for (const key of gone) {
      this.#proxies.delete(key);
      this.#holds.delete(key);
      this.#intended.delete(key);
      this.#unmade.delete(key);
    }
  }

  /** What of the configuration is gone by the next look and under the same rights was not forbidden. */
  #noteMade({ workloads, intended, unmade, rights }: Look): void {
    for (const key of unmade) if (this.#proxies.has(key)) this.#unmade.set(key, this.#rightsThen(key));
    for (const key of intended.keys()) this.#unmade.delete(key);
    this.#made = { workloads, rights };
  }

  #rightsThen(key: string): RightsThen {
    const unmade = this.#unmade.get(key);
    if (unmade !== undefined) return unmade;
    const { workloads, rights } = this.#made;
    const workload = workloads.get(key);
    return { places: rights.places, own: workload === undefined ? '' : rights.of(workload) };
  }

  #giveAll(concerned: ReadonlySet<string>, nowMs: number): ReadonlyMap<string, ResourceSnapshot> {
    const publish = new Map<string, ResourceSnapshot>();
    for (const key of concerned) {
      const proxy = this.#proxies.get(key);
      if (proxy === undefined) continue;
      this.#counted();
      const next = this.#next(key, proxy, nowMs);
      const before = proxy.acceptance?.given;
      if (before !== undefined && isSame(before, next)) continue;
      publish.set(key, next);
      if (proxy.acceptance === undefined) proxy.acceptance = new Acceptance(next);
      else proxy.acceptance.give(next, nowMs);
    }
    return publish;
  }

  #next(key: string, { acceptance, wanted }: Proxy, nowMs: number): ResourceSnapshot {
    const workload = this.#directory.workload(key);
    if (acceptance === undefined || workload === undefined) {
      this.#holds.delete(key);
      return wanted;
    }
    const { tenant } = workload;
    const waitsFor = new Set<string>();
    /** Whoever is waited for has to answer, or to go. */
    const note = (other: string | undefined) => {
      if (other !== undefined) waitsFor.add(other);
      return other !== undefined;
    };
    const arePlacesSame = () => this.#rights.places === this.#rightsThen(key).places;
    const isRightSame = () => this.#rights.of(workload) === this.#rightsThen(key).own;
    const isTimely = (held: ResourceKey) => nowMs < (this.#holds.sinceMs(key, held) ?? nowMs) + silenceMs;
    const draft = holdWays(acceptance.given, wanted, {
      isOpen: (endpoint) => !note(this.#shutBy(endpoint, tenant, nowMs)),
      isThere: (endpoint) => this.#directory.at(endpoint) !== undefined,
      mayHold: (held) => isTimely(held) && arePlacesSame(),
    });
    holdDoors(acceptance.given, draft, {
      isUsed: (door) => this.#isComing(key, door) || note(this.#userOf(workload, door, nowMs)),
      mayHold: (held) => isTimely(held) && arePlacesSame() && isRightSame(),
    });
    this.#holds.set(key, draft.held, waitsFor, nowMs);
    const next = draft.finish();
    return next === wanted ? wanted : compose(acceptance.given, next, []);
  }

  /** @returns the callee whose door is not open yet; undefined where nobody has to be waited for. */
  #shutBy(endpoint: EndpointKey, callerTenant: string, nowMs: number): string | undefined {
    const callee = this.#directory.at(endpoint)?.key ?? '';
    const acceptance = this.#directory.isConnected(callee) ? this.#proxies.get(callee)?.acceptance : undefined;
    if (acceptance === undefined) return undefined;
    const door = doorAt(endpoint, callerTenant);
    const intended = this.#intended.get(callee) ?? acceptance.given;
    const listeners = inboundListeners(intended).filter((listener) => doorsOf(listener).has(door));
    const isOpen = listeners.every((listener) => {
      const possible = acceptance.possible(keyOf(listener), nowMs);
      if (!possible.every((each) => each !== undefined && doorsOf(each).has(door))) return false;
      const behind = [...(doorsOf(listener).get(door) ?? [])];
      return behind.every((key) => acceptance.possible(key, nowMs).length === 1);
    });
    return isOpen ? undefined : callee;
  }

  /** A door that waits for a canary is not shut until then. */
  #isComing(callee: string, door: Door): boolean {
    const intended = this.#intended.get(callee);
    return intended !== undefined && inboundListeners(intended).some((listener) => doorsOf(listener).has(door));
  }

  /** @returns a caller that may still be led to this door. */
  #userOf({ addresses }: Workload, door: Door, nowMs: number): string | undefined {
    const endpoints = addresses.map((address) => endpointBehind(door, address));
    for (const caller of this.#directory.callersAt(door)) {
      const acceptance = this.#directory.workload(caller) && this.#proxies.get(caller)?.acceptance;
      const assignments = acceptance?.possibleOf(typeUrls.endpoints, nowMs) ?? [];
      if (assignments.some((each) => endpoints.some((endpoint) => endpointsOf(each).has(endpoint)))) return caller;
    }
    return undefined;
  }

  #wakeAtMs(nowMs: number): number {
    if (this.#effectAtMs <= nowMs) this.#effectAtMs = Infinity;
    if (this.#holds.isEmpty) return Infinity;
    // As it is first set it stays: answers that never end would put it off for ever.
    const effectAtMs = this.#answeredAtMs + effectMs;
    if (this.#effectAtMs === Infinity && effectAtMs > nowMs) this.#effectAtMs = effectAtMs;
    return Math.min(this.#effectAtMs, this.#holds.oldestMs + silenceMs);
  }
}
