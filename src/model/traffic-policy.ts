/**
 * How a service wants to be called: limits, ejection, timeouts and retries, as its owner wrote them.
 *
 * It is the destination's word, for every caller in and outside its tenant. What is absent has a default, which is a
 * value of this file as well, so that the schema, the proxy and whoever explains it name the same number.
 */
import type { SourceRef } from './source-ref.ts';

export interface TrafficPolicy {
  /** `namespace/name`. */
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  /** Service key. */
  readonly service: string;
  /** Service ports it speaks of: resolved, sorted, never empty; no other policy in force speaks of them. */
  readonly ports: readonly number[];
  readonly breakers: Partial<CircuitBreakers>;
  readonly outliers: Partial<OutlierDetection>;
  readonly timeouts: Partial<Timeouts>;
  readonly retries: Partial<Retries>;
  readonly where: SourceRef;
}

/** Of one caller's proxy towards the service; beyond them a request is answered 503 at once, a TCP connection closed. */
export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  /** Retries under way at once. */
  readonly maxRetries: number;
}

/** When one endpoint is left alone for a while. */
export interface OutlierDetection {
  /** Answers of 5xx in a row; on a TCP port, failed connections. */
  readonly consecutive5xx: number;
  readonly intervalMs: number;
  /** Multiplied by how often the endpoint was ejected before. */
  readonly baseEjectionTimeMs: number;
  readonly maxEjectionPercent: number;
}

export interface Timeouts {
  /** One whole exchange, retries included; 0 means no limit. */
  readonly requestMs: number;
  /** Silence on one exchange in both directions. */
  readonly idleMs: number;
  /** Until a connection to an endpoint stands. */
  readonly connectMs: number;
}

export interface Retries {
  /** Tries after the first; 0 means none. */
  readonly attempts: number;
  /** Sorted. */
  readonly on: readonly RetryCondition[];
  /** One try; 0 means no limit of its own. */
  readonly perTryTimeoutMs: number;
}

/**
 * What may be tried again; Envoy has more.
 *
 * `connect-failure`, `refused-stream` and `reset-before-request` never reached the application. `gateway-error` (502,
 * 503, 504, a try that took too long) may have, so it holds for GET, HEAD and OPTIONS only. `unavailable` (503, or
 * UNAVAILABLE in gRPC) holds whatever the method: only the owner knows that nothing was done when the service says so.
 */
export type RetryCondition = (typeof retryConditions)[number];

export const retryConditions = [
  'connect-failure',
  'gateway-error',
  'refused-stream',
  'reset-before-request',
  'unavailable',
] as const;

/** Envoy's own numbers, written out so that a reader sees them. */
export const defaultBreakers: CircuitBreakers = {
  maxConnections: 1_024,
  maxPendingRequests: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
};

/** With Envoy's 10 % a service of three endpoints could never eject one. */
export const defaultOutliers: OutlierDetection = {
  consecutive5xx: 5,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionPercent: 50,
};

export const defaultTimeouts: Timeouts = { requestMs: 15_000, idleMs: 300_000, connectMs: 1_000 };

/** HTTP/2 and gRPC streams live as long as they are not idle. */
export const defaultStreamRequestMs = 0;

/** Only what never reached the application is tried again. */
export const defaultRetries: Retries = { attempts: 2, on: ['connect-failure', 'refused-stream'], perTryTimeoutMs: 0 };
