/**
 * Does for one run what its machine says, and tells the machine what came of it. It decides nothing.
 *
 *   effects ──▶ layers, probes, looks at proxies ──▶ events
 *
 * To lay and to lift are one turn without a wait in it; to look is concurrent and bounded. What was read of the proxies
 * before the fault lives here and only here: after a restart nobody can compare, and the report says so.
 */
import type { ProbePhase } from '../model/drill.ts';
import type { PlannedProxy, ProxyTraffic } from './drill-engine.ts';
import type { LayerBook } from './layer-book.ts';
import type { RunEffect } from './machine.ts';
import type { News } from './news.ts';
import { PhaseWatch } from './phase-watch.io.ts';
import { type DrillPorts, layerTtlMs, type ProbedEdge } from './ports.ts';
import { owing, type Run, watchesOf } from './run.ts';
import type { RunEvent } from './run-event.ts';
import type { LiveReadings } from './run-view.ts';
import { type Seen, Sights } from './sights.io.ts';

/** What Envoy's timer, a late heartbeat and the network may add to a TTL, in ms. */
const expiryMarginMs = 1_000;

/** Longest that the looks before the fault may outlast the observation, in ms. */
const looksBeforeMs = 60_000;

/** Looks before the fault that may fail, at a proxy that is busy or far, until it is left out. */
const failedLooksMax = 4;

export interface DriverHost {
  readonly ports: Pick<DrillPorts, 'clock' | 'eyes' | 'probes'>;
  readonly layers: LayerBook;
  /** As it stands now. */
  run(): Run;
  /** It may end something, and is judged in this turn. */
  tell(event: RunEvent): void;
  /** It may wait for others of its kind. */
  news(news: News): void;
}

export class RunDriver {
  readonly #host: DriverHost;
  readonly #sights: Sights;
  readonly #keys: ReadonlyMap<string, PlannedProxy['keys']>;
  readonly #before = new Map<string, ReadonlyMap<string, string>>();
  /** Before the fault, by proxy. */
  readonly #failedLooks = new Map<string, number>();
  /** Resources that a recorded push moved since the fault's baseline was read, by proxy. Bounded by what a proxy holds. */
  readonly #moved = new Map<string, Set<string>>();
  #watch: PhaseWatch | undefined;
  /** Epoch ms at which this process laid the fault; 0 while it has not. */
  #overflowsSinceMs = 0;
  #cancelPhase: () => void = () => undefined;
  #cancelExpiry: () => void = () => undefined;
  /** On the monotonic clock: when the phase under way is to end, and when a lifted layer has died everywhere. */
  #phaseEndMs = Number.POSITIVE_INFINITY;
  #expiredAtMs = Number.POSITIVE_INFINITY;

  constructor(host: DriverHost) {
    this.#host = host;
    this.#keys = keysByProxy(host.run());
    this.#sights = new Sights(host.ports.clock, (proxy, signal) => this.#look(proxy, signal));
  }

  perform(effects: readonly RunEffect[]): void {
    for (const effect of effects) this.#perform(effect);
    if (this.#host.run().stage === 'over') this.stop();
  }

  /** A proxy acknowledged resources, named `<type URL>/<name>`: the fault's own layer, or a push of something else. */
  accepted(proxy: string, resources: Iterable<string>): void {
    const run = this.#host.run();
    if (!run.proxies.has(proxy)) return;
    const moved = this.#moved.get(proxy) ?? new Set();
    for (const name of resources) moved.add(name);
    this.#moved.set(proxy, moved);
    this.#sights.hurry(proxy);
  }

  /** A second line behind the timers, which a host under load may fire late. */
  checkDeadline(): void {
    if (this.#host.ports.clock.monotonicMs() >= this.#phaseEndMs) this.#phaseOver();
  }

  /** Of the phase under way, to be asked for before its end is performed. */
  tally(): Extract<RunEvent, { kind: 'tallied' }> {
    const measures = this.#watch?.measures() ?? [];
    return { kind: 'tallied', measures, ...this.#overflows(), traffic: this.#traffic() };
  }

  live(): LiveReadings {
    return { probes: this.#watch?.readouts() ?? new Map(), overflows: this.#overflows().overflows };
  }

  stop(): void {
    this.#watch?.stop();
    this.#cancelPhase();
    this.#cancelExpiry();
    this.#phaseEndMs = Number.POSITIVE_INFINITY;
    this.#sights.stop();
  }

  #perform(effect: RunEffect): void {
    const { layers, run } = this.#host;
    const { drill, plan } = run();
    switch (effect.kind) {
      case 'look':
        this.#sights.want(effect.proxies);
        return;
      case 'measure':
        this.#measure(effect.phase);
        return;
      case 'watch':
        layers.lay(drill.key, only(watchesOf(plan), effect.proxies));
        return;
      case 'lay':
        layers.lay(drill.key, withWatches(only(plan.view.touches, effect.proxies), watchesOf(plan)));
        this.#overflowsSinceMs = this.#host.ports.clock.nowMs();
        this.#sights.want(effect.proxies);
        return;
      case 'lift':
        layers.lift(drill.key, effect.proxies);
        this.#lifted(effect.proxies);
        return;
    }
  }

  #measure(phase: ProbePhase): void {
    const { drill, plan } = this.#host.run();
    const { clock, probes } = this.#host.ports;
    this.#watch?.stop();
    const edge = this.#edge(plan.view.control, clock.nowMs());
    const watch = new PhaseWatch({
      clock,
      probes,
      phase,
      steadyState: drill.steadyState,
      edge,
      changed: (probe, state, value) =>
        this.#host.tell({ kind: 'probe', probe, state, ...(value === undefined ? {} : { value }) }),
    });
    this.#watch = watch;
    this.#endPhaseAfter(phase === 'during' ? drill.durationMs : drill.observeMs);
  }

  #endPhaseAfter(ms: number): void {
    const { clock } = this.#host.ports;
    this.#cancelPhase();
    this.#phaseEndMs = clock.monotonicMs() + ms;
    this.#cancelPhase = clock.setTimer(ms, () => this.#phaseOver());
  }

  #phaseOver(): void {
    this.#cancelPhase();
    this.#phaseEndMs = Number.POSITIVE_INFINITY;
    const watch = this.#watch;
    const { stage, heldBefore } = this.#host.run();
    if (watch === undefined || watch.phase === 'during' || (stage === 'before' && heldBefore !== undefined)) {
      this.#host.tell({ kind: 'deadline' });
      return;
    }
    const { phase } = watch;
    // Set first: the answer to what is told may be the next phase, with an end of its own.
    if (phase === 'before') this.#endPhaseAfter(looksBeforeMs);
    watch.stop();
    const [measures, failing] = [watch.measures(), watch.failing()];
    // Once more after the fault: what a breaker turned away is reported up to a second later.
    this.#host.tell({ kind: 'measured', phase, measures, failing, ...this.#overflows() });
  }

  /** Nothing of a fault that another process laid: what was told of it went there. */
  #overflows(): { readonly overflows?: number } {
    if (this.#overflowsSinceMs === 0) return {};
    const edge = this.#edge(this.#host.run().plan.view.control, this.#overflowsSinceMs);
    const overflows = this.#host.ports.probes.overflows(edge);
    return overflows === undefined ? {} : { overflows };
  }

  #traffic(): readonly ProxyTraffic[] {
    if (this.#overflowsSinceMs === 0) return [];
    return this.#host.ports.probes.traffic(this.#edge(this.#host.run().plan.view.control, this.#overflowsSinceMs));
  }

  #lifted(proxies: readonly string[]): void {
    const { clock } = this.#host.ports;
    if (this.#host.run().stage !== 'during') {
      this.#watch?.stop();
      this.#cancelPhase();
      this.#phaseEndMs = Number.POSITIVE_INFINITY;
    }
    const afterMs = layerTtlMs + expiryMarginMs;
    this.#expiredAtMs = clock.monotonicMs() + afterMs;
    this.#cancelExpiry();
    this.#cancelExpiry = clock.setTimer(afterMs, () => this.#sights.want(owing(this.#host.run())));
    this.#sights.want(proxies);
  }

  async #look(proxy: string, signal: AbortSignal): Promise<Seen> {
    const { eyes } = this.#host.ports;
    if (this.#host.run().stage === 'before') return this.#lookBefore(proxy, signal);
    const runtime = await answerOf((cut) => eyes.runtime(proxy, cut), signal);
    const now = this.#host.run();
    const state = now.proxies.get(proxy);
    const keys = this.#keys.get(proxy) ?? [];
    if (state === undefined) return 'settled';
    if (now.stage === 'during' && state.progress === 'laid') {
      if (keys.some(({ key, value }) => runtime?.get(key) !== value)) return 'again';
      this.#host.news({ kind: 'effective', proxy });
      return 'settled';
    }
    if (state.owes !== 'look') return 'settled';
    if (runtime === undefined) return this.#unreachable(proxy);
    if (keys.some(({ key }) => runtime.has(key))) return 'again';
    if (!state.strikes) return this.#clean(proxy, undefined);
    const before = this.#before.get(proxy);
    if (before === undefined || now.stage === 'closing') return this.#clean(proxy, state.differs);
    const config = await answerOf((cut) => eyes.config(proxy, cut), signal);
    if (config === undefined) return this.#unreachable(proxy);
    return this.#clean(proxy, differences(before, config, this.#moved.get(proxy) ?? new Set()));
  }

  async #lookBefore(proxy: string, signal: AbortSignal): Promise<Seen> {
    const config = await answerOf((cut) => this.#host.ports.eyes.config(proxy, cut), signal);
    if (config === undefined) {
      const failed = (this.#failedLooks.get(proxy) ?? 0) + 1;
      this.#failedLooks.set(proxy, failed);
      if (failed < failedLooksMax) return 'again';
      const why = 'could not be looked at before the fault, so its end could not be seen either';
      this.#host.tell({ kind: 'excluded', proxy, why });
      return 'settled';
    }
    this.#before.set(proxy, config);
    this.#moved.delete(proxy);
    this.#host.news({ kind: 'looked', proxy });
    return 'settled';
  }

  #unreachable(proxy: string): Seen {
    if (this.#host.ports.clock.monotonicMs() < this.#expiredAtMs) return 'again';
    this.#host.news({ kind: 'expired', proxy });
    return 'settled';
  }

  #clean(proxy: string, differs: readonly string[] | undefined): Seen {
    this.#host.news({ kind: 'clean', proxy, ...(differs === undefined ? {} : { differs }) });
    return 'settled';
  }

  #edge(control: readonly string[], sinceMs: number): ProbedEdge {
    const { drill, plan } = this.#host.run();
    return { drill: drill.key, clusters: plan.clusters, experiment: plan.experiment, control, sinceMs };
  }
}

/** What a proxy answers, or undefined: it failed, or took too long, whether it heeds the signal or not. */
async function answerOf<T>(
  ask: (signal: AbortSignal) => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const cut = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  return Promise.race([ask(signal).catch(() => undefined), cut]);
}

function only(planned: readonly PlannedProxy[], proxies: readonly string[]): readonly PlannedProxy[] {
  const wanted = new Set(proxies);
  return planned.filter(({ proxy }) => wanted.has(proxy));
}

/** A proxy that feels the fault goes on telling of its requests. */
function withWatches(touches: readonly PlannedProxy[], watches: readonly PlannedProxy[]): readonly PlannedProxy[] {
  const telling = new Map(watches.map(({ proxy, keys }) => [proxy, keys]));
  return touches.map(({ proxy, keys }) => ({ proxy, keys: [...keys, ...(telling.get(proxy) ?? [])] }));
}

/** Everything that the run may lay on each proxy. */
function keysByProxy({ plan }: Run): ReadonlyMap<string, PlannedProxy['keys']> {
  const all = new Map<string, PlannedProxy['keys']>();
  for (const { proxy, keys } of [...plan.view.touches, ...watchesOf(plan)]) {
    all.set(proxy, [...(all.get(proxy) ?? []), ...keys]);
  }
  return all;
}

function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  moved: ReadonlySet<string>,
): readonly string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name) && !moved.has(withoutState(name))).sort();
}

/** What was pushed and is not in use yet is told with its state behind its name. */
function withoutState(name: string): string {
  return name.replace(/ \((?:warming|static)\)$/, '');
}
