/** The words by which authors choose in drills and consents, and what is meant where they say nothing. */
import type { ProbeGroup, ProbePhase, TrafficMetric } from './drill.ts';

export const probePhases = ['before', 'during', 'after'] as const satisfies readonly ProbePhase[];

export const trafficMetrics = [
  'successRate',
  'errorRate',
  'requestsPerSecond',
  'overflows',
  'p50',
  'p95',
  'p99',
] as const satisfies readonly TrafficMetric[];

/** Of requests: a connection has none. */
export const latencyMetrics: ReadonlySet<string> = new Set<TrafficMetric>(['p50', 'p95', 'p99']);

export const trafficGroups = ['experiment', 'control', 'all'] as const satisfies readonly ProbeGroup[];

/** Of an HTTP probe. */
export const probeMetrics = ['success', 'latency'] as const;

/** A day's place in the list is its number: 0 is Sunday. */
export const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** Between two looks of a probe, in ms. */
export const probeIntervalDefaultMs = 1_000;
/** After which a probe that says nothing is in breach, in ms. */
export const probeSilenceDefaultMs = 5_000;
/**
 * Shortest time in which a traffic probe must have had a value, in ms: the first load report of a proxy comes one to two
 * seconds after somebody began to look, and a moment later it has been looked at. Measured on Envoy.
 */
export const trafficSeenMs = 3_000;
/** Before the fault and after it, in ms. */
export const observeDefaultMs = 30_000;
