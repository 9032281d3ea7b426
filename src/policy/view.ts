/**
 * What one proxy may know: the slice of the mesh its workload is entitled to, and nothing else.
 *
 *   Snapshot ──viewOf(workload)──▶ ProxyView ──▶ Envoy resources
 *
 * Builders receive this and only this. So a builder cannot leak what the view does not hold, and whatever changes
 * a proxy's configuration is visible here: the tenant wall is this file and `compile.ts`.
 */
import type { Endpoint, ExternalService, Locality, PortProtocol, Snapshot, Workload } from '../model/snapshot.ts';
import type { ArmedCaller } from './arming.ts';
import { atOwnAddresses } from './explicit-view.ts';
import { inboundOf } from './inbound-view.ts';
import { momentOf } from './moment.ts';
import { type Observation, observationOf } from './observation.ts';
import { externalOf, hasServers, outboundOf } from './outbound-view.ts';
import type { PortPolicy } from './port-policy.ts';
import type { OutboundRule } from './routing.ts';
import type { TrafficSettings } from './traffic.ts';

export interface ProxyView {
  readonly trustDomain: string;
  readonly workload: Workload;
  /** Sorted by port. */
  readonly inbound: readonly InboundPort[];
  /** Sorted by service, then port, then pod. */
  readonly outbound: readonly OutboundPort[];
  /** The ways out of the mesh. Sorted by name, then port. */
  readonly external: readonly ExternalService[];
  readonly observation: Observation;
}

/** A port that a Service declares on this workload; an undeclared port has no filter chain at all. */
export interface InboundPort {
  /** Port of the application. */
  readonly port: number;
  readonly protocol: PortProtocol;
  /** One filter chain each: the own tenant first, then each with a live grant, sorted. None of a workload under quarantine. */
  readonly callers: readonly CallerTenant[];
  readonly policy: PortPolicy;
  /** Every request is put to an authorization worker as well; never on an opaque port. */
  readonly everyRequest: boolean;
  /** Of one exchange, in ms: as long as the owner lets any caller wait; 0 means no limit. Of no use on an opaque port. */
  readonly requestTimeoutMs: number;
  /** Of silence on one exchange, in ms; likewise. */
  readonly idleTimeoutMs: number;
  /** Callers that a drill may single out here, sorted by identity; nobody on an opaque port. */
  readonly armed: readonly ArmedCaller[];
}

export interface CallerTenant {
  readonly tenant: string;
  /** On an opaque TCP port, exactly who may connect, sorted, perhaps nobody; on an HTTP port empty: the routes judge. */
  readonly spiffeIds: readonly string[];
  /** Who would be among them but for a quarantine, sorted: what they have open is to end. Absent where nobody is. */
  readonly cutOff?: readonly string[];
}

/** A service port this workload may dial, or that port of one pod of a headless service: of its own tenant, or granted. */
export interface OutboundPort {
  /** `namespace/service`. */
  readonly service: string;
  /** `namespace/pod` where one pod of a headless service is dialled; the addresses and the port are then its own. */
  readonly pod?: string;
  /** Tenant of the service. */
  readonly tenant: string;
  readonly port: number;
  readonly protocol: PortProtocol;
  readonly virtualIps: readonly string[];
  /** Sorted by workload; only those that are ready, where the tenants of both sides allow them to run. */
  readonly endpoints: readonly OutboundEndpoint[];
  /**
   * Who may answer: the exact identities of the service's workloads, ready or not, sorted. Empty only where rules lead
   * elsewhere and nobody stands behind the service itself, which then has no cluster.
   */
  readonly serverSpiffeIds: readonly string[];
  /** Of an opaque port, who would be among them but for a quarantine, sorted: what is open to them is to end. Absent where nobody is. */
  readonly cutOff?: readonly string[];
  readonly traffic: TrafficSettings;
  /** Of HTTP routes, the first that matches is heard; empty means that the service itself answers everything. */
  readonly rules: readonly OutboundRule[];
}

export interface OutboundEndpoint extends Endpoint {
  readonly locality: Locality;
}

/** @param nowMs epoch ms at which grants and consents are judged dead or alive. */
export function viewOf(snapshot: Snapshot, workload: Workload, nowMs: number): ProxyView {
  const now = momentOf(snapshot, workload.tenant, nowMs);
  const view = {
    trustDomain: snapshot.mesh.trustDomain,
    workload,
    inbound: inboundOf(now, workload),
    outbound: outboundOf(now, workload),
    external: externalOf(snapshot, workload),
    observation: observationOf(snapshot),
  };
  const addresses = snapshot.explicitAddresses.get(workload.key);
  return addresses === undefined ? view : atOwnAddresses(view, addresses);
}

/** Only what the view of this workload says it may dial. */
export function dialledBy(snapshot: Snapshot, workload: Workload, nowMs: number): readonly OutboundPort[] {
  return outboundOf(momentOf(snapshot, workload.tenant, nowMs), workload).filter(hasServers);
}

/** Whether this proxy needs to reach an authorization worker at all. */
export function asksForVerdicts({ inbound }: Pick<ProxyView, 'inbound'>): boolean {
  return inbound.some(({ everyRequest }) => everyRequest);
}
