/** Rules over one `TrafficPolicy` that its schema cannot say: ranges of durations, and a try that ends with nobody to try again. */
import { parseDurationMs } from './duration.ts';
import type { TrafficPolicyObject } from './kinds/traffic-policy.ts';
import { quote } from './quote.ts';
import type { Finding } from './sourced-object.ts';
import { defaultRetries } from './traffic-policy.ts';

const dayMs = 86_400_000;

/** Shortest and longest of each duration, in ms. Source: what one proxy can do usefully; Envoy caps an ejection at 5 min. */
const ranges = {
  interval: { min: 100, max: 3_600_000, words: 'between `100ms` and `1h`' },
  baseEjectionTime: { min: 100, max: 300_000, words: 'between `100ms` and `5m`' },
  request: { min: 1, max: dayMs, words: 'between `1ms` and `24h`' },
  idle: { min: 1_000, max: dayMs, words: 'between `1s` and `24h`' },
  connect: { min: 10, max: 60_000, words: 'between `10ms` and `1m`' },
  perTryTimeout: { min: 1, max: dayMs, words: 'between `1ms` and `24h`' },
} as const;

export function trafficPolicyFindings({ spec }: TrafficPolicyObject): Finding[] {
  const { outlierDetection = {}, timeouts = {}, retries = {} } = spec;
  return [
    ...outOfRange('interval', 'spec.outlierDetection', outlierDetection.interval),
    ...outOfRange('baseEjectionTime', 'spec.outlierDetection', outlierDetection.baseEjectionTime),
    ...outOfRange('request', 'spec.timeouts', timeouts.request),
    ...outOfRange('idle', 'spec.timeouts', timeouts.idle),
    ...outOfRange('connect', 'spec.timeouts', timeouts.connect),
    ...outOfRange('perTryTimeout', 'spec.retries', retries.perTryTimeout),
    ...tryWithoutRetry(retries),
  ];
}

function outOfRange(field: keyof typeof ranges, parent: string, written: string | undefined): Finding[] {
  if (written === undefined) return [];
  const { min, max, words } = ranges[field];
  const ms = parseDurationMs(written) ?? 0;
  if (ms >= min && ms <= max) return [];
  return [bad(`${parent}.${field}`, `${quote(written)} is out of range`, `write ${words}`)];
}

function tryWithoutRetry({ perTryTimeout, on }: NonNullable<TrafficPolicyObject['spec']['retries']>): Finding[] {
  const conditions: readonly string[] = on ?? defaultRetries.on;
  if (perTryTimeout === undefined || conditions.includes('gateway-error')) return [];
  const message = 'a try that takes too long is ended, and without `gateway-error` in `on` nothing tries again';
  const advice = 'add `gateway-error` to `on`, or write `spec.timeouts.request` instead';
  return [bad('spec.retries.perTryTimeout', message, advice)];
}

function bad(path: string, message: string, advice: string): Finding {
  return { code: 'bad-value', severity: 'error', path, message, advice };
}
