/**
 * What a proxy says of the load on its clusters: bytes in, plain values or the reason they are none out.
 *
 * The surprise is what is not read: Envoy repeats its node in each report, with the names of all its extensions, far
 * longer than what it reports. It is stepped over; who reports is known from its credentials.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { ClusterStats } from '#gen/envoy/config/endpoint/v3/load_report_pb.js';
import { ClusterStatsSchema } from '#gen/envoy/config/endpoint/v3/load_report_pb.js';
import { loadReportBytesMax } from './load-limits.ts';

/** One cluster at one proxy, since the report before. */
export interface ClusterLoad {
  readonly cluster: string;
  /** Tries that were sent to an endpoint: a request, each of its retries, or a TCP connection. */
  readonly issued: number;
  /** Of HTTP, tries that were answered with less than 500, and gRPC statuses that are no fault of the server. */
  readonly succeeded: number;
  /** Of HTTP, tries that failed or were answered with 500 and above; `dropped` ones are among them. */
  readonly failed: number;
  /** HTTP requests that a circuit breaker refused: sent to no endpoint, and so not `issued`. */
  readonly dropped: number;
  /** Under way at the moment of the report. */
  readonly inProgress: number;
  /** Time that the report covers, in ms. */
  readonly periodMs: number;
}

export type DecodedLoads =
  | { readonly kind: 'ok'; readonly loads: readonly ClusterLoad[] }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'malformed' };

/** Field of `LoadStatsRequest`. */
const clusterStatsField = 2;

export function decodeLoadReport(bytes: Uint8Array): DecodedLoads {
  if (bytes.length > loadReportBytesMax) return { kind: 'too-large' };
  try {
    return { kind: 'ok', loads: clusterStatsOf(bytes).map(loadOf) };
  } catch {
    return { kind: 'malformed' };
  }
}

/** @throws where the bytes make no sense. */
function clusterStatsOf(bytes: Uint8Array): readonly ClusterStats[] {
  const found: ClusterStats[] = [];
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === clusterStatsField) found.push(fromBinary(ClusterStatsSchema, reader.bytes()));
    else reader.skip(wireType, field);
  }
  return found;
}

function loadOf(stats: ClusterStats): ClusterLoad {
  const localities = stats.upstreamLocalityStats;
  const sum = (of: (locality: (typeof localities)[number]) => bigint) =>
    localities.reduce((total, locality) => total + Number(of(locality)), 0);
  const { seconds, nanos } = stats.loadReportInterval ?? { seconds: 0n, nanos: 0 };
  return {
    cluster: stats.clusterName,
    issued: sum((locality) => locality.totalIssuedRequests),
    succeeded: sum((locality) => locality.totalSuccessfulRequests),
    failed: sum((locality) => locality.totalErrorRequests),
    dropped: Number(stats.totalDroppedRequests),
    inProgress: sum((locality) => locality.totalRequestsInProgress),
    periodMs: Number(seconds) * 1_000 + nanos / 1_000_000,
  };
}
