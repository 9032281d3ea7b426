/**
 * How one service port is called: what its owner wrote, and a named default where nothing was written.
 *
 *   TrafficPolicy + defaults ──▶ TrafficSettings ──▶ cluster and route at the caller, time limits at the callee
 */
import type { PortProtocol, ServicePort, Snapshot } from '../model/snapshot.ts';
import {
  type CircuitBreakers,
  defaultBreakers,
  defaultOutliers,
  defaultRetries,
  defaultStreamRequestMs,
  defaultTimeouts,
  type OutlierDetection,
  type Retries,
  type Timeouts,
  type TrafficPolicy,
} from '../model/traffic-policy.ts';

/** Every number is in force: nothing is left to a default of whoever reads it. */
export interface TrafficSettings {
  readonly breakers: CircuitBreakers;
  readonly outliers: OutlierDetection;
  readonly timeouts: Timeouts;
  readonly retries: Retries;
}

/** By service and port: the one policy in force. */
export type TrafficIndex = ReadonlyMap<string, TrafficPolicy>;

export function indexTraffic({ trafficPolicies }: Snapshot): TrafficIndex {
  return new Map(
    [...trafficPolicies.values()].flatMap((policy) =>
      policy.ports.map((port) => [place(policy.service, port), policy]),
    ),
  );
}

/** @param service key. */
export function trafficOf(index: TrafficIndex, service: string, { port, protocol }: ServicePort): TrafficSettings {
  const policy = index.get(place(service, port));
  return {
    breakers: { ...defaultBreakers, ...policy?.breakers },
    outliers: { ...defaultOutliers, ...policy?.outliers },
    timeouts: { ...timeoutsByDefault(protocol), ...policy?.timeouts },
    retries: { ...defaultRetries, ...policy?.retries },
  };
}

/** The more patient of two limits, in ms; 0 is no limit at all. */
export function longer(left: number, right: number): number {
  return left === 0 || right === 0 ? 0 : Math.max(left, right);
}

function timeoutsByDefault(protocol: PortProtocol): Timeouts {
  return protocol === 'http2' ? { ...defaultTimeouts, requestMs: defaultStreamRequestMs } : defaultTimeouts;
}

function place(service: string, port: number): string {
  return `${service} ${port}`;
}
