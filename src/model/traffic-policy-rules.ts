/** Rules over one `TrafficPolicy` that its schema cannot say: ranges of durations, and a try that ends with nobody to try again. */
import { bad, outOfRange, type Range } from './common-findings.ts';
import type { TrafficPolicyObject } from './kinds/traffic-policy.ts';
import type { Finding } from './sourced-object.ts';
import { defaultRetries } from './traffic-policy.ts';

const dayMs = 86_400_000;

/** Shortest and longest of each duration, in ms. Source: what one proxy can do usefully; Envoy caps an ejection at 5 min. */
export const trafficRanges = {
  interval: { minMs: 100, maxMs: 3_600_000, words: 'between `100ms` and `1h`' },
  baseEjectionTime: { minMs: 100, maxMs: 300_000, words: 'between `100ms` and `5m`' },
  request: { minMs: 1, maxMs: dayMs, words: 'between `1ms` and `24h`' },
  idle: { minMs: 1_000, maxMs: dayMs, words: 'between `1s` and `24h`' },
  connect: { minMs: 10, maxMs: 60_000, words: 'between `10ms` and `1m`' },
  perTryTimeout: { minMs: 1, maxMs: dayMs, words: 'between `1ms` and `24h`' },
} as const satisfies Readonly<Record<string, Range>>;

export function trafficPolicyFindings({ spec }: TrafficPolicyObject): Finding[] {
  const { outlierDetection = {}, timeouts = {}, retries = {} } = spec;
  return [
    ...outOfRange('spec.outlierDetection.interval', outlierDetection.interval, trafficRanges.interval),
    ...outOfRange(
      'spec.outlierDetection.baseEjectionTime',
      outlierDetection.baseEjectionTime,
      trafficRanges.baseEjectionTime,
    ),
    ...outOfRange('spec.timeouts.request', timeouts.request, trafficRanges.request),
    ...outOfRange('spec.timeouts.idle', timeouts.idle, trafficRanges.idle),
    ...outOfRange('spec.timeouts.connect', timeouts.connect, trafficRanges.connect),
    ...outOfRange('spec.retries.perTryTimeout', retries.perTryTimeout, trafficRanges.perTryTimeout),
    ...tryWithoutRetry(retries),
  ];
}

function tryWithoutRetry({ perTryTimeout, retryOn }: NonNullable<TrafficPolicyObject['spec']['retries']>): Finding[] {
  const conditions: readonly string[] = retryOn ?? defaultRetries.on;
  if (perTryTimeout === undefined || conditions.includes('gateway-error')) return [];
  const message = 'a try that takes too long is ended, and without `gateway-error` in `retryOn` nothing tries again';
  const advice = 'add `gateway-error` to `retryOn`, or write `spec.timeouts.request` instead';
  return [bad('spec.retries.perTryTimeout', message, advice)];
}
