/**
 * Which edges the proxies are asked to report on: those that somebody has looked at lately.
 *
 *   look(edge) ──▶ lease begins, or goes on ──▶ … nobody looks ──▶ lease ends: proxies fall silent, what was kept goes
 *
 * A lease, since a drill may end in many ways and none may leave proxies reporting for ever. No timer watches it: the
 * next report that comes does, by `sweep`.
 */
import type { ProbeGroup } from '../../model/drill.ts';
import type { ProbedEdge } from '../ports.ts';
import type { TrafficWindow } from './traffic-window.ts';

/** Asks proxies for their load on one cluster. @returns what ends it. */
export type WatchLoads = (proxies: readonly string[], cluster: string) => () => void;

/** How long an edge is watched after somebody looked at it, in ms: two of the longest intervals of a probe. */
export const leaseMs = 120_000;

/** Callers of one group that report their load; of a larger group they stand for all. A report is 61 kB, each second. */
export const reportersMax = 64;

interface Watch {
  readonly edge: ProbedEdge;
  readonly stop: () => void;
  untilMs: number;
}

export class EdgeWatches {
  readonly #window: TrafficWindow;
  readonly #watchLoads: WatchLoads;
  /** By drill. */
  readonly #watches = new Map<string, Watch>();

  constructor(window: TrafficWindow, watchLoads: WatchLoads) {
    this.#window = window;
    this.#watchLoads = watchLoads;
  }

  look(edge: ProbedEdge, nowMs: number): void {
    const known = this.#watches.get(edge.drill);
    for (const cluster of edge.clusters) this.#window.keep(cluster, edge.sinceMs);
    if (known !== undefined && asksTheSame(known.edge, edge)) {
      known.untilMs = nowMs + leaseMs;
      return;
    }
    const reporters = [...reportersOf(edge.experiment), ...reportersOf(edge.control)];
    const stops = edge.clusters.map((cluster) => this.#watchLoads(reporters, cluster));
    const stop = () => {
      for (const end of stops) end();
    };
    this.#watches.set(edge.drill, { edge, stop, untilMs: nowMs + leaseMs });
    // Only now, so that a proxy in both is not told to fall silent in between.
    if (known !== undefined) this.#end(known);
  }

  /** Ends the leases that are over. */
  sweep(nowMs: number): void {
    for (const [drill, watch] of this.#watches) {
      if (watch.untilMs > nowMs) continue;
      this.#watches.delete(drill);
      this.#end(watch);
    }
  }

  #end({ edge, stop }: Watch): void {
    stop();
    const kept = new Set([...this.#watches.values()].flatMap((other) => other.edge.clusters));
    for (const cluster of edge.clusters) if (!kept.has(cluster)) this.#window.forget(cluster);
  }
}

/** The proxies of one group, each with how many its load report stands for. */
export function weightsOf(edge: ProbedEdge, group: ProbeGroup): ReadonlyMap<string, number> {
  const groups = group === 'all' ? [edge.experiment, edge.control] : [edge[group]];
  return new Map(
    groups.flatMap((proxies) => {
      const reporters = new Set(reportersOf(proxies));
      const weight = proxies.length / Math.max(1, reporters.size);
      return proxies.map((proxy) => [proxy, reporters.has(proxy) ? weight : 0] as const);
    }),
  );
}

/** Evenly from the whole list, the same each time. */
function reportersOf(proxies: readonly string[]): readonly string[] {
  if (proxies.length <= reportersMax) return proxies;
  const step = proxies.length / reportersMax;
  return Array.from({ length: reportersMax }, (_, index) => proxies[Math.floor(index * step)] ?? '');
}

function asksTheSame(one: ProbedEdge, other: ProbedEdge): boolean {
  return (['clusters', 'experiment', 'control'] as const).every(
    (part) => one[part] === other[part] || one[part].join() === other[part].join(),
  );
}
