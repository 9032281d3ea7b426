/**
 * Between the loop and the xDS cache: hands every configuration on, to one proxy first where that is wanted.
 *
 *   loop ──publish──▶ step ──▶ cache.set        xDS events, one timer ──heard──▶ step ──▶ cache.set
 *
 * It decides nothing: canary.ts does. The authorization workers' programs are rules, and wait for nobody.
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
import type { LoopClock, ProxyCache, ProxyConfigurations } from './loop.io.ts';
import { matesOf } from './mates.ts';
import { OpenStreams } from './open-streams.ts';
import type { Origin } from './origins.ts';
import { blamedBy, type Edit, refusalProblems } from './refusal-problems.ts';

export interface RolloutPorts {
  readonly clock: LoopClock;
  readonly cache: ProxyCache;
  /** What was refused has changed: `problems` says something else. */
  refusalsChanged(): void;
}

export class Rollout implements ProxyConfigurations {
  readonly #ports: RolloutPorts;
  #state: CanaryState = noCanaries;
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
    this.#take({ kind: 'wanted', proxies, gone });
  }

  /** Told of everything the xDS server observes. */
  heard(event: XdsEvent): void {
    switch (event.kind) {
      case 'stream-opened':
        this.#streams.opened(event.key);
        this.#take({ kind: 'connected', proxy: event.key });
        return;
      case 'stream-closed':
        this.#take({ kind: this.#streams.closed(event.key) === 0 ? 'disconnected' : 'connected', proxy: event.key });
        return;
      case 'acked':
        this.#take({ kind: 'acked', proxy: event.key, typeUrl: event.typeUrl, resources: event.resources });
        return;
      case 'nacked': {
        const { key: proxy, typeUrl, resources, cause } = event;
        this.#take({ kind: 'nacked', proxy, typeUrl, resources, message: cause.message });
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

  #take(event: CanaryEvent): void {
    const { clock, cache } = this.#ports;
    const { state, publish, wakeAtMs } = step(this.#state, event, clock.nowMs());
    this.#state = state;
    this.#cancelTimer();
    if (wakeAtMs < Infinity) {
      const waitMs = Math.max(0, wakeAtMs - clock.nowMs());
      this.#cancelTimer = clock.setTimer(waitMs, () => this.#take({ kind: 'time' }));
    }
    for (const [proxy, configuration] of publish) cache.set(proxy, configuration);
    this.#blame(clock.nowMs());
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
