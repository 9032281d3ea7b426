/**
 * Between the loop and the xDS cache: hands every configuration on, to one proxy first where that is wanted, and to
 * callers and callees in an order in which no request falls between them.
 *
 *   loop ──publish──▶ canary ──▶ handover ──▶ cache.set        xDS events, one timer ──heard──▶ the same way
 *
 * It decides nothing: canary.ts and handover.ts do. The authorization workers' programs are rules, and wait for nobody.
 * What it is told is everything, and what it tells the two is what differs from the last time: a configuration that is the
 * very same value, of a workload whose entitlements are the same, is passed by.
 */
import type { Problem } from '../model/problem.ts';
import type { Snapshot, Workload } from '../model/snapshot.ts';
import type { Clock } from '../xds/ports.ts';
import type { ResourceSnapshot } from '../xds/resource.ts';
import type { XdsEvent } from '../xds/xds-event.ts';
import { Canaries, type CanaryCounters } from './canary.ts';
import type { CanaryEvent, Refusal, Wanted } from './canary-state.ts';
import { Handover, type HandoverEvent } from './handover.ts';
import type { ProxyCache, ProxyConfigurations } from './loop.io.ts';
import { matesOf } from './mates.ts';
import { OpenStreams } from './open-streams.ts';
import type { Origin } from './origins.ts';
import { blamedBy, type Edit, refusalProblems } from './refusal-problems.ts';
import { rightsOf } from './rights.ts';
import { changesBetween, type MapChanges } from './rollout-changes.ts';

export interface RolloutPorts {
  /** Whoever is waited for is waited for by the clock that nobody can set, if there is one. */
  readonly clock: Clock;
  readonly cache: ProxyCache;
  /** What was refused has changed: `problems` says something else. */
  refusalsChanged(): void;
}

/** What an event cost, counted; it changes nothing. */
export interface RolloutCounters extends CanaryCounters {
  /** It was worked out what a proxy is given. */
  handed(): void;
}

const uncounted: RolloutCounters = { compared: () => undefined, read: () => undefined, handed: () => undefined };

export class Rollout implements ProxyConfigurations {
  readonly #ports: RolloutPorts;
  readonly #canaries: Canaries;
  readonly #handover: Handover;
  readonly #streams = new OpenStreams();
  /** What was told last. */
  #configurations: ReadonlyMap<string, ResourceSnapshot> = new Map();
  #workloads: ReadonlyMap<string, Workload> = new Map();
  /** When the canaries' next `time` is, in ms as `#elapsedMs` counts them. */
  #canaryAtMs = Infinity;
  #edit: Edit | undefined;
  /** Refusals in force, each with the objects that it is told on. */
  #blamed: ReadonlyMap<Refusal, readonly Origin[]> = new Map();
  #refusals: readonly Refusal[] = [];
  /** What the timer that is set runs for, in the same ms. */
  #timerAtMs = Infinity;
  #cancelTimer: () => void = () => undefined;

  constructor(ports: RolloutPorts, counters: RolloutCounters = uncounted) {
    this.#ports = ports;
    this.#canaries = new Canaries(counters);
    this.#handover = new Handover(() => counters.handed());
  }

  /**
   * @param madeAtMs epoch ms at which grants were judged for these configurations. One that ended while they were made is
   *   in them, and the right that it gave is lost only with the next.
   */
  publish(
    configurations: ReadonlyMap<string, ResourceSnapshot>,
    gone: readonly string[],
    snapshot: Snapshot,
    madeAtMs = this.#ports.clock.nowMs(),
  ): void {
    const { workloads, revision } = snapshot;
    const made = changesBetween(this.#configurations, configurations);
    const moved = changesBetween(this.#workloads, workloads);
    const anew = this.#entitledAnew(configurations, moved);
    const intended = anew.length === 0 ? made.changed : new Map([...made.changed, ...anew]);
    this.#configurations = configurations;
    this.#workloads = workloads;
    const proxies = new Map<string, Wanted>();
    for (const [proxy, configuration] of intended) {
      const workload = workloads.get(proxy);
      if (workload === undefined) this.#ports.cache.set(proxy, configuration);
      else proxies.set(proxy, { snapshot: configuration, owner: workload.tenant, mates: matesOf(workload) });
    }
    for (const proxy of gone) this.#ports.cache.delete(proxy);
    const isNew = this.#edit?.after.revision !== revision;
    this.#edit = { before: isNew ? this.#edit?.after : this.#edit?.before, after: snapshot };
    const rights = rightsOf(snapshot, madeAtMs);
    this.#take(
      { kind: 'wanted', proxies, gone },
      { kind: 'looked', workloads, moved, intended, unmade: made.gone, rights, gone },
    );
  }

  /** Configurations of workloads that are others, and like others now. */
  #entitledAnew(
    configurations: ReadonlyMap<string, ResourceSnapshot>,
    { changed }: MapChanges<Workload>,
  ): readonly (readonly [string, ResourceSnapshot])[] {
    return [...changed].flatMap(([proxy, workload]) => {
      const former = this.#workloads.get(proxy);
      const configuration = configurations.get(proxy);
      if (configuration === undefined || (former && matesOf(former) === matesOf(workload))) return [];
      return [[proxy, configuration] as const];
    });
  }

  /** Told of everything the xDS server observes. */
  heard(event: XdsEvent): void {
    const { kind } = event;
    switch (kind) {
      case 'stream-opened':
        this.#streams.opened(event.key);
        this.#presence(event.key, 'connected');
        return;
      case 'stream-closed':
        this.#presence(event.key, this.#streams.closed(event.key) === 0 ? 'disconnected' : 'connected');
        return;
      case 'acked': {
        const { key: proxy, typeUrl, resources, removed } = event;
        this.#take({ kind, proxy, typeUrl, resources }, { kind: 'answered', proxy, typeUrl, resources, removed });
        return;
      }
      case 'unsubscribed': {
        const { key: proxy, typeUrl, names: removed } = event;
        this.#take(undefined, { kind: 'answered', proxy, typeUrl, resources: new Map(), removed });
        return;
      }
      case 'nacked': {
        const { key: proxy, typeUrl, resources, cause } = event;
        this.#take({ kind, proxy, typeUrl, resources, message: cause.message }, undefined);
      }
    }
  }

  /** What proxies refused, on the objects that the refused resources stem from. */
  problems(): readonly Problem[] {
    return [...this.#blamed].flatMap(([refusal, blamed]) => refusalProblems(refusal, blamed));
  }

  /** Of which every configuration was made that is being handed on; undefined before the first. */
  published(): Snapshot | undefined {
    return this.#edit?.after;
  }

  /** Whether the proxy was given all that was made for it, but for what was refused. */
  isGiven(proxy: string): boolean {
    return this.#configurations.has(proxy) && !this.#canaries.isWaiting(proxy) && !this.#handover.isHolding(proxy);
  }

  stop(): void {
    this.#cancelTimer();
  }

  #presence(proxy: string, kind: 'connected' | 'disconnected'): void {
    this.#take({ kind, proxy }, { kind, proxy });
  }

  /** What one event says to the canaries, and what to the handover; nothing to one of them where it is not concerned. */
  #take(tried: CanaryEvent | undefined, handed: HandoverEvent | undefined): void {
    const { cache } = this.#ports;
    const nowMs = this.#elapsedMs();
    const given = tried === undefined ? undefined : this.#canaries.take(tried, nowMs);
    this.#canaryAtMs = given?.wakeAtMs ?? this.#canaryAtMs;
    const { publish, wakeAtMs } = this.#handover.take(handed, given?.publish ?? new Map(), nowMs);
    this.#wakeAt(Math.min(wakeAtMs, this.#canaryAtMs), nowMs);
    for (const [proxy, configuration] of publish) cache.set(proxy, configuration);
    this.#blame();
  }

  /** Whole ones: what is answered within one of them is looked at again together, and timers count no parts. */
  #elapsedMs(): number {
    const { clock } = this.#ports;
    return Math.floor(clock.monotonicMs?.() ?? clock.nowMs());
  }

  #wakeAt(timeMs: number, nowMs: number): void {
    if (timeMs === this.#timerAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = timeMs;
    if (timeMs === Infinity) return;
    this.#cancelTimer = this.#ports.clock.setTimer(Math.max(0, timeMs - nowMs), () => {
      this.#timerAtMs = Infinity;
      this.#take({ kind: 'time' }, { kind: 'time' });
    });
  }

  #blame(): void {
    const edit = this.#edit;
    const refusals = this.#canaries.refusals();
    if (edit === undefined || refusals === this.#refusals) return;
    this.#refusals = refusals;
    if (refusals.length === this.#blamed.size && refusals.every((each) => this.#blamed.has(each))) return;
    const nowMs = this.#ports.clock.nowMs();
    this.#blamed = new Map(refusals.map((each) => [each, this.#blamed.get(each) ?? blamedBy(each, edit, nowMs)]));
    this.#ports.refusalsChanged();
  }
}
