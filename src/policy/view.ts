/**
 * What one proxy may know: the slice of the mesh its workload is entitled to, and nothing else.
 *
 *   Snapshot + compiled policy ──viewOf(workload)──▶ ProxyView ──▶ Envoy resources
 *
 * Builders receive this and only this. So a builder cannot leak what the view does not hold, and whatever changes
 * a proxy's configuration is visible here: the tenant wall is this file.
 */
import type { Endpoint, PortProtocol, Workload } from '../model/snapshot.ts';
import type { PortPolicy } from './port-policy.ts';

export interface ProxyView {
  readonly trustDomain: string;
  readonly workload: Workload;
  /** Sorted by port. */
  readonly inbound: readonly InboundPort[];
  /** Sorted by service, then port. */
  readonly outbound: readonly OutboundPort[];
}

/** A port that a Service declares on this workload; an undeclared port has no filter chain at all. */
export interface InboundPort {
  /** Port of the application. */
  readonly port: number;
  readonly protocol: PortProtocol;
  /** Tenants that get a filter chain: the own tenant first, then each with a live grant, sorted. */
  readonly callerTenants: readonly string[];
  readonly policy: PortPolicy;
}

/** A service port this workload may dial: of its own tenant, or granted. */
export interface OutboundPort {
  /** `namespace/service`. */
  readonly service: string;
  /** Tenant of the service. */
  readonly tenant: string;
  readonly port: number;
  readonly protocol: PortProtocol;
  readonly virtualIps: readonly string[];
  /** Sorted by workload; only those that are ready. */
  readonly endpoints: readonly Endpoint[];
  /** Who may answer: the exact identities of the service's workloads, ready or not, sorted. Never empty. */
  readonly serverSpiffeIds: readonly string[];
}
