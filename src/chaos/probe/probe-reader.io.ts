/**
 * One look at one probe, whatever it asks: the traffic of the drilled edge, an HTTP or gRPC service, or Prometheus.
 *
 *   probe ──▶ whom may it ask? ──▶ look, no longer than its interval ──▶ a value, or nothing and why
 *
 * It never throws and judges nothing: that a value is out of tolerance, and that nothing is a breach, the engine says.
 */
import type { DrillRules, Probe, ProbeSource } from '../../model/drill.ts';
import type { DrillProbes, ProbedEdge } from '../ports.ts';
import { EdgeWatches, type WatchLoads, weightsOf } from './edge-watches.ts';
import { grpcHealth } from './grpc-health.io.ts';
import { httpGet } from './http-get.io.ts';
import { grpcTarget, httpTarget, type ProbeTarget } from './probe-target.ts';
import { promqlAnswer, promqlAnswerBytesMax } from './promql-answer.ts';
import { none, type ProbeReading, value } from './reading.ts';
import { type EdgeLoad, type EdgeRecord, TrafficWindow } from './traffic-window.ts';

export interface ProbeReaderPorts {
  readonly clock: { nowMs(): number };
  /** Newest: a target that is named no more is asked no more. */
  rules(): Pick<DrillRules, 'probeTargets' | 'prometheusUrl'>;
  readonly watchLoads: WatchLoads;
  /** A look gave nothing. Must not throw. */
  observe(event: ProbeEvent): void;
}

export interface ProbeEvent {
  readonly kind: 'no-reading';
  readonly drill: string;
  readonly probe: string;
  readonly why: string;
}

export interface ProbeReader extends DrillProbes {
  look(probe: Probe, edge: ProbedEdge, signal: AbortSignal): Promise<ProbeReading>;
  /** What the proxies report and log, in any order; of edges that nobody looks at nothing is kept. */
  load(report: EdgeLoad): void;
  record(record: EdgeRecord): void;
}

/** Longest look, in ms, whatever the interval. */
const lookMsMax = 5_000;

/** Shortest stretch of traffic that a number stands for, in ms: two load reports of every proxy. */
const windowMsMin = 3_000;

export function createProbeReader(ports: ProbeReaderPorts): ProbeReader {
  const traffic = new TrafficWindow();
  const watches = new EdgeWatches(traffic, ports.watchLoads);

  function readTraffic(source: ProbeSource & { kind: 'traffic' }, intervalMs: number, edge: ProbedEdge): ProbeReading {
    const nowMs = ports.clock.nowMs();
    watches.look(edge, nowMs);
    return traffic.read(source.metric, {
      clusters: edge.clusters,
      proxies: weightsOf(edge, source.group),
      fromMs: Math.max(edge.sinceMs, nowMs - Math.max(intervalMs, windowMsMin)),
      sinceMs: edge.sinceMs,
    });
  }

  async function ask(probe: Probe, edge: ProbedEdge, signal: AbortSignal): Promise<ProbeReading> {
    const { source, intervalMs } = probe;
    switch (source.kind) {
      case 'traffic':
        return readTraffic(source, intervalMs, edge);
      case 'http':
        return at(httpTarget(source.url, ports.rules()), async (url) => {
          const { status, latencyMs } = await httpGet(url, 0, signal);
          if (source.metric === 'success') return value(status === source.expectStatus ? 1 : 0);
          return status === source.expectStatus
            ? value(latencyMs)
            : none(`the status is ${status}, and a latency is that of ${source.expectStatus}`);
        });
      case 'grpcHealth':
        return at(grpcTarget(source.address, ports.rules()), (url) => grpcHealth(url, source.service, signal));
      case 'promql':
        return at(queryTarget(source.query, ports.rules()), async (url) =>
          promqlAnswer((await httpGet(url, promqlAnswerBytesMax, signal)).body),
        );
    }
  }

  async function look(probe: Probe, edge: ProbedEdge, signal: AbortSignal): Promise<ProbeReading> {
    const timeoutMs = Math.min(probe.intervalMs, lookMsMax);
    const ends = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const ended = new Promise<ProbeReading>((resolve) => {
      ends.addEventListener('abort', () => resolve(none(`no answer within ${timeoutMs} ms`)), { once: true });
    });
    const asked = ask(probe, edge, ends).catch((cause: unknown) => none(messageOf(cause)));
    const reading = await Promise.race([asked, ended]);
    if (reading.kind === 'none') {
      ports.observe({ kind: 'no-reading', drill: edge.drill, probe: probe.name, why: reading.why });
    }
    return reading;
  }

  return {
    look,
    async read(probe, edge, signal) {
      const reading = await look(probe, edge, signal);
      return reading.kind === 'value' ? reading.value : undefined;
    },
    watch(edge) {
      watches.look(edge, ports.clock.nowMs());
    },
    overflows(edge) {
      watches.look(edge, ports.clock.nowMs());
      const { clusters, sinceMs } = edge;
      const question = { clusters, proxies: weightsOf(edge, 'all'), fromMs: sinceMs, sinceMs };
      const reading = traffic.read('overflows', question);
      return reading.kind === 'value' ? reading.value : undefined;
    },
    traffic(edge) {
      const { clusters, sinceMs } = edge;
      return traffic.tell({ clusters, proxies: weightsOf(edge, 'all'), fromMs: sinceMs, sinceMs });
    },
    load(report) {
      watches.sweep(ports.clock.nowMs());
      traffic.load(report);
    },
    record: (record) => traffic.record(record),
  };
}

async function at(target: ProbeTarget, ask: (url: URL) => Promise<ProbeReading>): Promise<ProbeReading> {
  return target.kind === 'target' ? ask(target.url) : none(target.why);
}

function queryTarget(query: string, rules: Pick<DrillRules, 'probeTargets' | 'prometheusUrl'>): ProbeTarget {
  if (rules.prometheusUrl === undefined) return { kind: 'refused', why: 'the mesh names no Prometheus' };
  const base = rules.prometheusUrl.replace(/\/+$/, '');
  return httpTarget(`${base}/api/v1/query?${new URLSearchParams({ query })}`, rules);
}

/** Longest cause that is quoted, in characters. */
const causeLengthMax = 200;

function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, causeLengthMax);
}
