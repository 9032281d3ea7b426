/**
 * The edge that a drill strikes: every proxy that may dial the target's port, and every endpoint behind it.
 *
 *   Snapshot, Drill ──▶ callers, each with the clusters whose breakers it would feel
 *                   └─▶ endpoints, each with the identities for whom a fault is armed there
 *
 * All callers are told, inside the drill's radius and out of it: those outside may be its control group. A headless
 * service is dialled pod by pod, so a caller has one cluster for each of its pods.
 */
import type { Drill } from '../model/drill.ts';
import type { PortProtocol, ServicePort, Snapshot, Workload } from '../model/snapshot.ts';
import { defaultOutliers, type OutlierDetection } from '../model/traffic-policy.ts';
import { indexTraffic, trafficOf } from '../policy/traffic.ts';
import { dialledBy, type OutboundPort, viewOf } from '../policy/view.ts';
import { serviceCluster } from './names.ts';

export interface DrillEdge {
  readonly protocol: PortProtocol;
  /** Sorted by proxy. */
  readonly callers: readonly EdgeCaller[];
  /** Sorted by proxy, ready or not. */
  readonly endpoints: readonly EdgeEndpoint[];
  /** When the callers eject an endpoint, and how many at once. */
  readonly outliers: Pick<OutlierDetection, 'maxEjectionPercent' | 'consecutive5xx' | 'baseEjectionTimeMs'>;
}

export interface EdgeCaller {
  /** Workload key. */
  readonly proxy: string;
  readonly tenant: string;
  readonly serviceAccount: string;
  readonly spiffeId: string;
  /** By which it calls the target, sorted; never empty. */
  readonly clusters: readonly string[];
}

export interface EdgeEndpoint {
  /** Workload key. */
  readonly proxy: string;
  /** Port of the application. */
  readonly port: number;
  readonly ready: boolean;
  /** `tenant/serviceAccount` of each. */
  readonly armedFor: ReadonlySet<string>;
}

/** @param nowMs epoch ms at which grants and consents are judged. @returns nobody where the target is gone. */
export function drillEdge(snapshot: Snapshot, { target }: Drill, nowMs: number): DrillEdge {
  const servicePort = snapshot.services.get(target.service)?.ports.find(({ port }) => port === target.port);
  if (servicePort === undefined) return { protocol: 'tcp', callers: [], endpoints: [], outliers: defaultOutliers };
  const { maxEjectionPercent, consecutive5xx, baseEjectionTimeMs } = trafficOf(
    indexTraffic(snapshot),
    target.service,
    servicePort,
  ).outliers;
  return {
    protocol: servicePort.protocol,
    callers: callersOf(snapshot, target, servicePort, nowMs),
    endpoints: endpointsOf(snapshot, servicePort, nowMs),
    outliers: { maxEjectionPercent, consecutive5xx, baseEjectionTimeMs },
  };
}

function callersOf(
  snapshot: Snapshot,
  target: Drill['target'],
  { endpoints }: ServicePort,
  nowMs: number,
): readonly EdgeCaller[] {
  const pods = new Set(endpoints.map(({ workload, port }) => `${workload} ${port}`));
  const headless = snapshot.services.get(target.service)?.headless ?? false;
  const leads = ({ service, pod, port }: OutboundPort) =>
    headless ? pods.has(`${pod} ${port}`) : pod === undefined && service === target.service && port === target.port;
  return [...snapshot.workloads.values()].flatMap((workload) => {
    const clusters = dialledBy(snapshot, workload, nowMs).filter(leads).map(serviceCluster).sort();
    const { key: proxy, tenant, serviceAccount, spiffeId } = workload;
    return clusters.length === 0 ? [] : [{ proxy, tenant, serviceAccount, spiffeId, clusters }];
  });
}

function endpointsOf(snapshot: Snapshot, { endpoints }: ServicePort, nowMs: number): readonly EdgeEndpoint[] {
  return endpoints.flatMap(({ workload: key, port, ready }) => {
    const workload = snapshot.workloads.get(key);
    return workload === undefined
      ? []
      : [{ proxy: key, port, ready, armedFor: armedAt(snapshot, workload, port, nowMs) }];
  });
}

function armedAt(snapshot: Snapshot, workload: Workload, port: number, nowMs: number): ReadonlySet<string> {
  const inbound = viewOf(snapshot, workload, nowMs).inbound.find((each) => each.port === port);
  return new Set((inbound?.armed ?? []).map(({ tenant, serviceAccount }) => `${tenant}/${serviceAccount}`));
}
