/**
 * What a service's owner says of calling it, as Envoy says it on the caller's cluster.
 *
 * Breaker limits stand in the cluster; a drill overrides them by runtime key and never by replacing the cluster.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CircuitBreakersSchema } from '#gen/envoy/config/cluster/v3/circuit_breaker_pb.js';
import type { OutlierDetectionSchema } from '#gen/envoy/config/cluster/v3/outlier_detection_pb.js';
import type { TrafficSettings } from '../policy/traffic.ts';
import { durationOf } from './resource.ts';

export function circuitBreakers({ breakers }: TrafficSettings): MessageInitShape<typeof CircuitBreakersSchema> {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = breakers;
  return { thresholds: [{ maxConnections, maxPendingRequests, maxRequests, maxRetries }] };
}

export function outlierDetection({ outliers }: TrafficSettings): MessageInitShape<typeof OutlierDetectionSchema> {
  return {
    consecutive5xx: outliers.consecutive5xx,
    enforcingConsecutive5xx: 100,
    interval: durationOf(outliers.intervalMs),
    baseEjectionTime: durationOf(outliers.baseEjectionTimeMs),
    maxEjectionPercent: outliers.maxEjectionPercent,
  };
}
