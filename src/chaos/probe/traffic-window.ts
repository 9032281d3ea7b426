/**
 * What the callers' proxies said of the drilled edges lately, and the numbers that follow from it.
 *
 *   load reports ──▶ rates, errors and overflows of HTTP      log records ──▶ p50, p95, p99; outcomes of TCP
 *
 * It has no clock: it is told when things came, and asked from when on. Load reports count tries, so an error that a
 * retry made good is still an error here. Envoy counts a request that its breaker refused as an error too, and of TCP
 * neither success nor failure (measured): those are taken from the log, where a connection succeeds by standing.
 */
import { compareText } from '../../model/canonical-json.ts';
import type { TrafficMetric } from '../../model/drill.ts';
import type { ProxyTraffic } from '../drill-engine.ts';
import { quantile } from './quantile.ts';
import { none, type ProbeReading, value } from './reading.ts';
import { Recent } from './recent.ts';

/** One report of one proxy, as the load reporting service hands it on. */
export interface EdgeLoad {
  /** Workload key. */
  readonly key: string;
  readonly cluster: string;
  readonly issued: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly dropped: number;
  readonly periodMs: number;
  /** Epoch ms. */
  readonly atMs: number;
}

/** One request or connection, as the access log service hands it on. */
export interface EdgeRecord {
  /** Workload key. */
  readonly proxy: string;
  readonly cluster: string;
  readonly protocol: 'http' | 'tcp';
  readonly moment: 'connected' | 'end';
  readonly flags: readonly string[];
  readonly durationMs: number;
  /** Epoch ms. */
  readonly atMs: number;
}

export interface TrafficQuestion {
  readonly clusters: readonly string[];
  /** Workload keys of the group, each with how many proxies its load report stands for; 0 of those that send none. */
  readonly proxies: ReadonlyMap<string, number>;
  /** Epoch ms: what came before is not looked at. */
  readonly fromMs: number;
  /** Epoch ms from which overflows count, as it was told to `keep`. */
  readonly sinceMs: number;
}

/** Load reports kept of one cluster at one proxy: two minutes, one a second. */
const reportsMax = 120;

/** Records kept of one cluster. At thousands a second the window is shorter than was asked for, and still exact. */
const recordsMax = 32_768;

type Latency = Extract<TrafficMetric, `p${number}`>;
const shareOf: Readonly<Record<Latency, number>> = { p50: 0.5, p95: 0.95, p99: 0.99 };

/** Of a connection that did not come to stand; what happens to it later is no failure to connect. */
const refusals: ReadonlySet<string> = new Set(['DF', 'NC', 'UF', 'UH', 'UO']);
const overflow = 'UO';

/** Moments of one edge from which overflows are counted: the fault's beginning, and that of the phase under way. */
const countsMax = 4;

interface Edge {
  /** By workload key. */
  readonly reports: Map<string, Recent<EdgeLoad>>;
  readonly records: Recent<EdgeRecord>;
  /** By the moment from which they count, the one asked for last at the end. */
  readonly counts: Map<number, EdgeCounts>;
}

/** By workload key: requests, as reported, and connections, as logged. */
type EdgeCounts = Map<string, { readonly reported: Counts; readonly logged: Counts }>;

interface Counts {
  readonly seen: number;
  readonly failed: number;
  /** Of those that failed: turned away by the breaker. */
  readonly overflowed: number;
}

const nothing: Counts = { seen: 0, failed: 0, overflowed: 0 };
const uncounted = { reported: nothing, logged: nothing };

export class TrafficWindow {
  /** By cluster. */
  readonly #edges = new Map<string, Edge>();

  /**
   * Keeps what comes of a cluster; of others nothing is kept.
   * @param sinceMs epoch ms from which overflows count, however long it is going to be; a new moment should be a recent one.
   */
  keep(cluster: string, sinceMs: number): void {
    const edge = this.#edges.get(cluster) ?? { reports: new Map(), records: new Recent(recordsMax), counts: new Map() };
    this.#edges.set(cluster, edge);
    const counts = edge.counts.get(sinceMs) ?? countedSince(sinceMs, edge);
    edge.counts.delete(sinceMs);
    edge.counts.set(sinceMs, counts);
    const [stalest] = edge.counts.keys();
    if (stalest !== undefined && edge.counts.size > countsMax) edge.counts.delete(stalest);
  }

  forget(cluster: string): void {
    this.#edges.delete(cluster);
  }

  load(report: EdgeLoad): void {
    const edge = this.#edges.get(report.cluster);
    if (edge === undefined) return;
    const reports = edge.reports.get(report.key) ?? new Recent(reportsMax);
    edge.reports.set(report.key, reports);
    reports.add(report);
    for (const [sinceMs, counts] of edge.counts) countReport(counts, sinceMs, report);
  }

  record(record: EdgeRecord): void {
    const edge = this.#edges.get(record.cluster);
    if (edge === undefined) return;
    edge.records.add(record);
    for (const [sinceMs, counts] of edge.counts) countRecord(counts, sinceMs, record);
  }

  /**
   * What each proxy has told of since `sinceMs`, over all clusters of the edge.
   * @returns sorted by proxy; of one that neither reported nor logged there is nothing.
   */
  tell({ clusters, proxies, sinceMs }: TrafficQuestion): readonly ProxyTraffic[] {
    const told = new Map<string, ProxyTraffic>();
    for (const [proxy, { reported, logged }] of clusters.flatMap((cluster) => [
      ...(this.#edges.get(cluster)?.counts.get(sinceMs) ?? []),
    ])) {
      const weight = proxies.get(proxy);
      if (weight === undefined) continue;
      const { seen, failed } = plus(reported, logged);
      const before = told.get(proxy);
      // A log speaks for its own proxy alone, whatever its load reports stand for.
      const standsFor = logged.seen > 0 || weight === 0 ? 1 : weight;
      told.set(proxy, {
        proxy,
        seen: seen + (before?.seen ?? 0),
        failed: failed + (before?.failed ?? 0),
        standsFor,
      });
    }
    return [...told.values()].sort((left, right) => compareText(left.proxy, right.proxy));
  }

  read(metric: TrafficMetric, question: TrafficQuestion): ProbeReading {
    const edges = question.clusters.flatMap((cluster) => this.#edges.get(cluster) ?? []);
    switch (metric) {
      case 'successRate':
      case 'errorRate':
        return outcomeShare(metric, edges, question);
      case 'requestsPerSecond':
        return requestsPerSecond(edges, question);
      case 'overflows':
        return overflows(edges, question);
      case 'p50':
      case 'p95':
      case 'p99':
        return latency(metric, edges, question);
    }
  }
}

function outcomeShare(metric: 'successRate' | 'errorRate', edges: readonly Edge[], question: TrafficQuestion) {
  const reports = reportsIn(edges, question);
  if (reports.length === 0) return silence(question);
  const outcomes = recordsIn(edges, question).flatMap(outcomeOf);
  const connected = outcomes.filter((outcome) => outcome === 'connected').length;
  const succeeded = connected + sum(reports.map(({ report, weight }) => weight * report.succeeded));
  const failed = outcomes.length - connected + sum(reports.map(({ report, weight }) => weight * report.failed));
  if (succeeded + failed === 0) return none('nothing was asked of the edge');
  return value((metric === 'successRate' ? succeeded : failed) / (succeeded + failed));
}

function requestsPerSecond(edges: readonly Edge[], question: TrafficQuestion): ProbeReading {
  const reports = reportsIn(edges, question);
  if (reports.length === 0) return silence(question);
  // A report that came late covers more time, so each proxy has a rate of its own.
  const proxies = Map.groupBy(reports, ({ report }) => `${report.key} ${report.cluster}`);
  return value(
    sum(
      [...proxies.values()].map((ofOne) => {
        const asked = sum(ofOne.map(({ report, weight }) => weight * (report.issued + report.dropped)));
        return (1_000 * asked) / Math.max(1, sum(ofOne.map(({ report }) => report.periodMs)));
      }),
    ),
  );
}

function overflows(edges: readonly Edge[], question: TrafficQuestion): ProbeReading {
  const counts = edges.flatMap((edge) =>
    [...(edge.counts.get(question.sinceMs) ?? [])].flatMap(([proxy, { reported, logged }]) => {
      const weight = question.proxies.get(proxy);
      return weight === undefined ? [] : [weight * reported.overflowed + logged.overflowed];
    }),
  );
  return counts.length === 0 ? silence(question) : value(sum(counts));
}

function latency(metric: Latency, edges: readonly Edge[], question: TrafficQuestion): ProbeReading {
  const records = recordsIn(edges, question);
  const durations = records.flatMap(({ protocol, durationMs }) => (protocol === 'http' ? [durationMs] : []));
  const found = quantile(durations, shareOf[metric]);
  if (found !== undefined) return value(found);
  return none(
    records.length === 0
      ? 'no request of the edge was logged'
      : 'the edge carries connections, of which a log tells no latency',
  );
}

function silence({ proxies }: TrafficQuestion): ProbeReading {
  return none(`none of ${proxies.size} proxies has reported its load on the edge`);
}

/** Most of what a report says must lie within: the last one before a fault is told after the fault began. */
function reportsIn(edges: readonly Edge[], { proxies, fromMs }: TrafficQuestion) {
  return edges.flatMap(({ reports }) =>
    [...reports].flatMap(([proxy, recent]) => {
      const weight = proxies.get(proxy) ?? 0;
      const within = weight === 0 ? [] : recent.since(fromMs).filter((report) => isMostlySince(fromMs, report));
      return within.map((report) => ({ report, weight }));
    }),
  );
}

function isMostlySince(fromMs: number, { atMs, periodMs }: EdgeLoad): boolean {
  return atMs - periodMs / 2 >= fromMs;
}

function recordsIn(edges: readonly Edge[], { proxies, fromMs }: TrafficQuestion): readonly EdgeRecord[] {
  return edges.flatMap(({ records }) => records.since(fromMs).filter(({ proxy }) => proxies.has(proxy)));
}

function countedSince(sinceMs: number, { reports, records }: Edge): EdgeCounts {
  const counts: EdgeCounts = new Map();
  for (const recent of reports.values()) {
    for (const report of recent.since(sinceMs)) countReport(counts, sinceMs, report);
  }
  for (const record of records.since(sinceMs)) countRecord(counts, sinceMs, record);
  return counts;
}

function countReport(counts: EdgeCounts, sinceMs: number, report: EdgeLoad): void {
  if (!isMostlySince(sinceMs, report)) return;
  const { succeeded, failed, dropped } = report;
  const { reported, logged } = counts.get(report.key) ?? uncounted;
  const more = { seen: succeeded + failed, failed, overflowed: dropped };
  counts.set(report.key, { reported: plus(reported, more), logged });
}

/** Of HTTP the load reports have it. A connection that came to stand is seen once, then, and not at its end. */
function countRecord(counts: EdgeCounts, sinceMs: number, record: EdgeRecord): void {
  const [outcome] = outcomeOf(record);
  if (outcome === undefined || record.atMs < sinceMs) return;
  const { reported, logged } = counts.get(record.proxy) ?? uncounted;
  const failed = outcome === 'refused' ? 1 : 0;
  const more = { seen: 1, failed, overflowed: record.flags.includes(overflow) ? failed : 0 };
  counts.set(record.proxy, { reported, logged: plus(logged, more) });
}

function plus(one: Counts, other: Counts): Counts {
  return {
    seen: one.seen + other.seen,
    failed: one.failed + other.failed,
    overflowed: one.overflowed + other.overflowed,
  };
}

function outcomeOf({ protocol, moment, flags }: EdgeRecord): readonly ('connected' | 'refused')[] {
  if (protocol !== 'tcp') return [];
  if (moment === 'connected') return ['connected'];
  return flags.some((flag) => refusals.has(flag)) ? ['refused'] : [];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
