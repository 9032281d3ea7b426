/**
 * Between the loop and the xDS cache: hands every configuration on, to one proxy first where that is wanted, and to
 * callers and callees in an order in which no request falls between them.
 *
 *   loop ──publish──▶ canary ──▶ handover ──▶ cache.set        xDS events, one timer ──heard──▶ the same way
 *
 * It decides nothing: canary.ts and handover.ts do. The authorization workers' programs are rules, and wait for nobody.
 */
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { ResourceSnapshot } from '../xds/resource.ts';
import type { XdsEvent } from '../xds/xds-event.ts';
import { step } from './canary.ts';
import {
  type CanaryEvent,
  type CanaryState,
  noCanaries,
  type Refusal,
  refusalsIn,
  type Wanted,
} from './canary-state.ts';
import { Handover, type HandoverEvent } from './handover.ts';
import type { LoopClock, ProxyCache, ProxyConfigurations } from './loop.io.ts';
import { matesOf } from './mates.ts';
import { OpenStreams } from './open-streams.ts';
import type { Origin } from './origins.ts';
import { blamedBy, type Edit, refusalProblems } from './refusal-problems.ts';
import { rightsOf } from './rights.ts';

export interface RolloutPorts {
  readonly clock: LoopClock;
  readonly cache: ProxyCache;
  /** What was refused has changed: `problems` says something else. */
  refusalsChanged(): void;
}

export class Rollout implements ProxyConfigurations {
  readonly #ports: RolloutPorts;
  #state: CanaryState = noCanaries;
  /** Epoch ms of the canaries' next `time`. */
  #canaryAtMs = Infinity;
  readonly #handover = new Handover();
  readonly #streams = new OpenStreams();
  #edit: Edit | undefined;
  /** Refusals in force, each with the objects that it is told on. */
  #blamed: ReadonlyMap<Refusal, readonly Origin[]> = new Map();
  #cancelTimer: () => void = () => undefined;

  constructor(ports: RolloutPorts) {
    this.#ports = ports;
  }

  publish(configurations: ReadonlyMap<string, ResourceSnapshot>, gone: readonly string[], snapshot: Snapshot): void {
    const proxies = new Map<string, Wanted>();
    for (const [proxy, configuration] of configurations) {
      const workload = snapshot.workloads.get(proxy);
      if (workload === undefined) this.#ports.cache.set(proxy, configuration);
      else proxies.set(proxy, { snapshot: configuration, owner: workload.tenant, mates: matesOf(workload) });
    }
    for (const proxy of gone) this.#ports.cache.delete(proxy);
    const isNew = this.#edit?.after.revision !== snapshot.revision;
    this.#edit = { before: isNew ? this.#edit?.after : this.#edit?.before, after: snapshot };
    this.#take(
      { kind: 'wanted', proxies, gone },
      {
        kind: 'looked',
        workloads: snapshot.workloads,
        intended: configurations,
        rights: rightsOf(snapshot, this.#ports.clock.nowMs()),
        gone,
      },
    );
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

  stop(): void {
    this.#cancelTimer();
  }

  #presence(proxy: string, kind: 'connected' | 'disconnected'): void {
    this.#take({ kind, proxy }, { kind, proxy });
  }

  /** What one event says to the canaries, and what to the handover; nothing to one of them where it is not concerned. */
  #take(tried: CanaryEvent | undefined, handed: HandoverEvent | undefined): void {
    const { clock, cache } = this.#ports;
    const nowMs = clock.nowMs();
    const given = tried === undefined ? undefined : step(this.#state, tried, nowMs);
    if (given !== undefined) this.#state = given.state;
    this.#canaryAtMs = given?.wakeAtMs ?? this.#canaryAtMs;
    const { publish, wakeAtMs } = this.#handover.take(handed, given?.publish ?? new Map(), nowMs);
    this.#cancelTimer();
    const nextMs = Math.min(wakeAtMs, this.#canaryAtMs);
    if (nextMs < Infinity) {
      const waitMs = Math.max(0, nextMs - nowMs);
      this.#cancelTimer = clock.setTimer(waitMs, () => this.#take({ kind: 'time' }, { kind: 'time' }));
    }
    for (const [proxy, configuration] of publish) cache.set(proxy, configuration);
    this.#blame(nowMs);
  }

  #blame(nowMs: number): void {
    const edit = this.#edit;
    const refusals = refusalsIn(this.#state);
    if (
      edit === undefined ||
      (refusals.length === this.#blamed.size && refusals.every((each) => this.#blamed.has(each)))
    )
      return;
    this.#blamed = new Map(refusals.map((each) => [each, this.#blamed.get(each) ?? blamedBy(each, edit, nowMs)]));
    this.#ports.refusalsChanged();
  }
}
