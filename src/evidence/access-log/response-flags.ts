/** What Envoy notes of a request or connection that did not go as usual, by the short names of its documentation. */
import type { ResponseFlags } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';

type FlagField = Exclude<keyof ResponseFlags, `$${string}`>;

/** Source: Envoy's documentation, "Access logging", `%RESPONSE_FLAGS%`. */
const shortNames: Readonly<Record<FlagField, string>> = {
  failedLocalHealthcheck: 'LH',
  noHealthyUpstream: 'UH',
  upstreamRequestTimeout: 'UT',
  localReset: 'LR',
  upstreamRemoteReset: 'UR',
  upstreamConnectionFailure: 'UF',
  upstreamConnectionTermination: 'UC',
  upstreamOverflow: 'UO',
  noRouteFound: 'NR',
  delayInjected: 'DI',
  faultInjected: 'FI',
  rateLimited: 'RL',
  unauthorizedDetails: 'UAEX',
  rateLimitServiceError: 'RLSE',
  downstreamConnectionTermination: 'DC',
  upstreamRetryLimitExceeded: 'URX',
  streamIdleTimeout: 'SI',
  invalidEnvoyRequestHeaders: 'IH',
  downstreamProtocolError: 'DPE',
  upstreamMaxStreamDurationReached: 'UMSDR',
  responseFromCacheFilter: 'RFCF',
  noFilterConfigFound: 'NFCF',
  durationTimeout: 'DT',
  upstreamProtocolError: 'UPE',
  noClusterFound: 'NC',
  overloadManager: 'OM',
  dnsResolutionFailure: 'DF',
  downstreamRemoteReset: 'DR',
};

const fields = Object.entries(shortNames) as readonly [FlagField, string][];

/** Sorted. */
export function responseFlags(flags: ResponseFlags): readonly string[] {
  return fields.flatMap(([field, name]) => (flags[field] ? [name] : [])).sort();
}
