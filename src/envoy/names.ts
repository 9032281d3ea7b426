/**
 * What every resource is called, in one place: a name is a promise between a listener and its routes, a route and
 * its cluster, a chain and its secrets. Tenants and services are DNS labels, so `/` cannot be smuggled into a part.
 */
import { contentHash } from '../model/canonical-json.ts';
import type { ExternalService } from '../model/snapshot.ts';
import type { Place } from '../policy/routing.ts';
import type { CallerTenant, OutboundPort } from '../policy/view.ts';

export const inboundListener = 'inbound';
export const outboundListener = 'outbound';
/** The runtime layer that drills write to; present and empty otherwise. */
export const drillLayer = 'drill';
/** The workload's own certificate and key. */
export const identitySecret = 'identity';
/** Where verdicts come from, and whom to believe there. */
export const authzCluster = 'coffre-authz';
export const authzTrustSecret = 'trust-authz';
/** Where the control plane asks this proxy what it holds, and whom the proxy believes to be it. */
export const inspectionListener = 'inspection';
export const controlPlaneTrustSecret = 'trust-control-plane';
/** The proxy's own admin interface, by its Unix socket; from the bootstrap, which alone knows the path. */
export const adminCluster = 'coffre-admin';
/** Secrets that a proxy reads from files beside its bootstrap: the mesh root, and its token. */
export const rootFileSecret = 'mesh-root';
export const tokenFileSecret = 'token';
/** Where the configuration comes from. */
export const controlPlaneCluster = 'coffre-xds';
/** Where records of what happened go; from the bootstrap, as Envoy takes no other cluster for its logs. */
export const evidenceCluster = 'coffre-evidence';
/** Where spans go, of a mesh that is traced. */
export const tracesCluster = 'coffre-traces';
/** Where statistics are read. */
export const statisticsListener = 'statistics';
/** What is never there: the share of a backend that this caller may not dial. */
export const unresolvedCluster = 'unresolved';
/** Prefix of what is said of a caller's tenant in SNI; it selects a filter chain and grants nothing. */
const sniSuffix = 'mesh.coffre';

export function sniOf(callerTenant: string): string {
  return `${callerTenant}.${sniSuffix}`;
}

export function inboundName(port: number): string {
  return `in/${port}`;
}

/** One declared port at one of the workload's addresses, where the sidecar binds it itself. */
export function boundInboundListener(port: number, address: string): string {
  return `${inboundListener}/${port}/${address}`;
}

/** With whom it cut off: under another name Envoy drains the chain, and what is open on it ends. */
export function inboundChainName(port: number, { tenant, cutOff }: Pick<CallerTenant, 'tenant' | 'cutOff'>): string {
  return `in/${port}/${tenant}${cut(cutOff)}`;
}

/** Likewise of the chain of a way; '' where it leads to nobody who is cut off. */
export function wayChainName({ cutOff }: Pick<OutboundPort, 'cutOff'>): string {
  return cutOff === undefined ? '' : `way${cut(cutOff)}`;
}

function cut(cutOff: readonly string[] | undefined): string {
  return cutOff === undefined ? '' : `/without/${contentHash(cutOff.join(' '))}`;
}

export function applicationCluster(port: number): string {
  return `app/${port}`;
}

/** A pod has a name of its own beside its service: two headless services may lead to it. */
export function serviceCluster({ service, pod, port }: Place): string {
  return pod === undefined ? `${service}/${port}` : `pod/${pod}/${port}`;
}

export function outboundRoute(outbound: Place): string {
  return `out/${serviceCluster(outbound)}`;
}

export function outboundServiceListener(outbound: Place, virtualIp: string): string {
  return `${outboundRoute(outbound)}/${virtualIp}`;
}

/** External names have a dot and services have none, so the two never meet. */
export function externalCluster({ name, port }: ExternalService): string {
  return `external/${name}/${port}`;
}

export function externalRoute(external: ExternalService): string {
  return `out/${externalCluster(external)}`;
}

/** The chain of the statistics for scrapers of one tenant. */
export function scrapersChain(tenant: string): string {
  return `${statisticsListener}/${tenant}`;
}

/** Trust in exactly those of one tenant that may read statistics. */
export function scrapersSecret(tenant: string): string {
  return `scrapers/${tenant}`;
}

/** Trust in any identity of one tenant. */
export function tenantTrustSecret(tenant: string): string {
  return `trust/${tenant}`;
}

/** Trust in exactly those callers of one tenant that may connect to one opaque port. */
export function peersSecret(port: number, callerTenant: string): string {
  return `peers/${port}/${callerTenant}`;
}

/** The rules behind that trust, as an extension of its own. */
export function peersRules(port: number, callerTenant: string): string {
  return `peers/${port}/${callerTenant}`;
}

/** Trust in exactly the identities that stand behind one service port. */
export function serversSecret(outbound: Place): string {
  return `servers/${serviceCluster(outbound)}`;
}
