/**
 * The load reporting service (LRS): what proxies count of their clusters, asked for only while somebody wants to know.
 *
 *   proxy opens its stream ──▶ silence … watch(proxies, cluster) ──▶ "report it each second" ──▶ reports ──▶ silence
 *
 * An open stream costs nothing: Envoy sets no timer before it has been answered once. Afterwards it cannot be told to
 * stop, so a proxy that is watched no more is told to report on no cluster, once an hour.
 *
 * Measured with Envoy 1.40.0: a request that an HTTP circuit breaker refuses is counted in `total_dropped_requests`, and
 * as an error as well, and not as issued. Of TCP connections those that were dialled are counted as issued and nothing
 * else: neither success nor failure, nor what a breaker refused. Each report is 61 kB, 60 of them the node.
 */
import { create } from '@bufbuild/protobuf';
import {
  LoadReportingService,
  type LoadStatsResponse,
  LoadStatsResponseSchema,
} from '#gen/envoy/service/load_stats/v3/lrs_pb.js';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import { type ReportPorts, type ReportStreamEvent, ReportStreams } from '../grpc/report-stream.ts';
import { loadAdmissionWaitMs, loadIdleIntervalMs, loadIntervalMs, loadStreamsPerClientMax } from './load-limits.ts';
import { type ClusterLoad, decodeLoadReport } from './load-report.ts';
import { LoadWatches } from './load-watches.ts';

export interface LoadPorts extends ReportPorts {
  /** One watched cluster of one client. Must not throw. */
  reported(report: LoadReport): void;
  /** Must not throw. */
  observe(event: LoadEvent): void;
}

export interface LoadReport extends ClusterLoad {
  /** Client key given at admission. */
  readonly key: string;
  /** Epoch ms, of our own clock, when it came. */
  readonly atMs: number;
}

export type LoadEvent =
  | ReportStreamEvent
  /** A report that was not read; `count` is how many of this stream so far. */
  | {
      readonly kind: 'report-dropped';
      readonly key: string;
      readonly why: 'too-large' | 'malformed';
      readonly count: number;
    }
  /** The client is watched for as many clusters as it may be. */
  | { readonly kind: 'watch-refused'; readonly key: string; readonly cluster: string };

export interface LoadService {
  addTo(server: Pick<GrpcServer, 'addService'>): void;
  /** Asks these clients for one cluster, now and whenever they come back. @returns what ends it, and may be called twice. */
  watch(clients: Iterable<string>, cluster: string): () => void;
}

type Send = (response: LoadStatsResponse) => void;

export function createLoadService(ports: LoadPorts): LoadService {
  const watches = new LoadWatches();
  const sends = new Map<string, Set<Send>>();
  const limits = { streamsPerClientMax: loadStreamsPerClientMax, admissionWaitMs: loadAdmissionWaitMs };
  const streams = new ReportStreams(ports, limits, ports.observe);

  const ask = (client: string) => {
    const response = responseFor(watches.of(client));
    for (const send of sends.get(client) ?? []) send(response);
  };

  function hear(key: string, send: Send) {
    const ours = sends.get(key) ?? new Set();
    sends.set(key, ours.add(send));
    const clusters = watches.of(key);
    if (clusters.length > 0) send(responseFor(clusters));
    let dropped = 0;
    return {
      heard(message: Uint8Array) {
        const decoded = decodeLoadReport(message);
        if (decoded.kind !== 'ok') {
          dropped += 1;
          ports.observe({ kind: 'report-dropped', key, why: decoded.kind, count: dropped });
          return;
        }
        const atMs = ports.clock.nowMs();
        for (const load of decoded.loads) {
          if (watches.has(key, load.cluster)) ports.reported({ key, atMs, ...load });
        }
      },
      closed() {
        ours.delete(send);
        if (ours.size === 0) sends.delete(key);
      },
    };
  }

  return {
    addTo(server) {
      server.addService(
        LoadReportingService,
        { streamLoadStats: { request: 'raw' } },
        {
          streamLoadStats(call) {
            // This is how grpc-js ends a stream with a status.
            const end = (status: object | undefined) =>
              status === undefined ? call.end() : call.emit('error', status);
            streams.listen(call, end, (key) => hear(key, (response) => call.write(response)));
          },
        },
      );
    },

    watch(clients, cluster) {
      const watched = [...new Set(clients)].filter((client) => {
        const fits = watches.add(client, cluster);
        if (!fits) ports.observe({ kind: 'watch-refused', key: client, cluster });
        return fits;
      });
      for (const client of watched) ask(client);
      let over = false;
      return () => {
        if (over) return;
        over = true;
        for (const client of watched) {
          watches.remove(client, cluster);
          ask(client);
        }
      };
    },
  };
}

function responseFor(clusters: readonly string[]): LoadStatsResponse {
  const intervalMs = clusters.length === 0 ? loadIdleIntervalMs : loadIntervalMs;
  return create(LoadStatsResponseSchema, {
    clusters: [...clusters],
    loadReportingInterval: { seconds: BigInt(Math.trunc(intervalMs / 1_000)), nanos: (intervalMs % 1_000) * 1_000_000 },
  });
}
