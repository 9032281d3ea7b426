/**
 * What one proxy may know: the slice of the mesh its workload is entitled to, and nothing else.
 *
 *   Snapshot ──viewOf(workload)──▶ ProxyView ──▶ Envoy resources
 *
 * Builders receive this and only this. So a builder cannot leak what the view does not hold, and whatever changes
 * a proxy's configuration is visible here: the tenant wall is this file and `compile.ts`.
 */
import { isAllowedIn } from '../model/locality.ts';
import type {
  Endpoint,
  ExternalService,
  Grant,
  Locality,
  PortProtocol,
  Service,
  ServicePort,
  Snapshot,
  Tenant,
  Workload,
} from '../model/snapshot.ts';
import { type ArmedCaller, type ArmingTarget, armedCallers, type ConsentIndex, indexConsents } from './arming.ts';
import { compilePort } from './compile.ts';
import { decide } from './decide.ts';
import { atOwnAddresses } from './explicit-view.ts';
import { type HeadlessPort, podPorts } from './headless.ts';
import { leadsTo, liveGrants, speaksOf } from './live-grants.ts';
import { type Observation, observationOf } from './observation.ts';
import type { PortPolicy } from './port-policy.ts';
import { indexRoutes, type OutboundRule, patienceOf, placeOf, rulesFor } from './routing.ts';
import { indexTraffic, longer, type TrafficIndex, type TrafficSettings, trafficOf } from './traffic.ts';

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
  /** One filter chain each: the own tenant first, then each with a live grant, sorted. */
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
  readonly traffic: TrafficSettings;
  /** Of HTTP routes, the first that matches is heard; empty means that the service itself answers everything. */
  readonly rules: readonly OutboundRule[];
}

export interface OutboundEndpoint extends Endpoint {
  readonly locality: Locality;
}

/** @param nowMs epoch ms at which grants and consents are judged dead or alive. */
export function viewOf(snapshot: Snapshot, workload: Workload, nowMs: number): ProxyView {
  const now = momentOf(snapshot, nowMs);
  const view = {
    trustDomain: snapshot.mesh.trustDomain,
    workload,
    inbound: inboundOf(snapshot, workload, now),
    outbound: outboundOf(snapshot, workload, now),
    external: snapshot.externalServices.get(workload.tenant) ?? [],
    observation: observationOf(snapshot),
  };
  const addresses = snapshot.explicitAddresses.get(workload.key);
  return addresses === undefined ? view : atOwnAddresses(view, addresses);
}

/** Only what the view of this workload says it may dial. */
export function dialledBy(snapshot: Snapshot, workload: Workload, nowMs: number): readonly OutboundPort[] {
  return outboundOf(snapshot, workload, momentOf(snapshot, nowMs)).filter(hasServers);
}

/** What is dialled and has a cluster: a name to expect, and so somebody to trust. */
export function backendsOf(view: ProxyView): readonly OutboundPort[] {
  return view.outbound.filter(hasServers);
}

/** Whether this proxy needs to reach an authorization worker at all. */
export function asksForVerdicts(view: ProxyView): boolean {
  return view.inbound.some(({ everyRequest }) => everyRequest);
}

/** What every part of a view asks of the snapshot, looked up once. */
interface Moment {
  readonly nowMs: number;
  /** Those that live. */
  readonly grants: readonly Grant[];
  readonly traffic: TrafficIndex;
  readonly consents: ConsentIndex;
}

function momentOf(snapshot: Snapshot, nowMs: number): Moment {
  return {
    nowMs,
    grants: liveGrants(snapshot, nowMs),
    traffic: indexTraffic(snapshot),
    consents: indexConsents(snapshot, nowMs),
  };
}

interface DeclaredPort {
  readonly protocol: PortProtocol;
  readonly grants: Map<string, Grant>;
  /** The services that lead here, each with the grants that open it. */
  readonly targets: ArmingTarget[];
  /** Of the services that lead here, the more patient ones. */
  requestTimeoutMs: number;
  idleTimeoutMs: number;
}

function inboundOf(snapshot: Snapshot, workload: Workload, now: Moment): readonly InboundPort[] {
  const tenant = snapshot.tenants.get(workload.tenant);
  if (tenant === undefined) return [];
  return [...declaredPorts(snapshot, workload, now)]
    .sort(([left], [right]) => left - right)
    .map(([port, { protocol, grants, targets, requestTimeoutMs, idleTimeoutMs }]) => {
      const opaque = protocol === 'tcp';
      const policy = compilePort(snapshot, { workload, tenant, port, opaque, grants: [...grants.values()] });
      const granted = new Set([...grants.values()].map((grant) => grant.from.tenant));
      const callers = [tenant.name, ...[...granted].sort()].map((caller) => ({
        tenant: caller,
        spiffeIds: opaque ? whoMayConnect(snapshot, policy, caller, now.nowMs) : [],
      }));
      const everyRequest = !opaque && snapshot.mesh.authorizationMode === 'everyRequest';
      const armed = opaque ? [] : armedCallers(snapshot, now.consents, targets);
      return { port, protocol, callers, policy, everyRequest, requestTimeoutMs, idleTimeoutMs, armed };
    });
}

function declaredPorts(snapshot: Snapshot, workload: Workload, { grants, traffic }: Moment): Map<number, DeclaredPort> {
  const declared = new Map<number, DeclaredPort>();
  for (const service of snapshot.services.values()) {
    if (service.tenant !== workload.tenant) continue;
    for (const servicePort of service.ports) {
      for (const endpoint of servicePort.endpoints) {
        if (endpoint.workload !== workload.key) continue;
        const limits = limitsOf(snapshot, traffic, service, servicePort);
        const entry: DeclaredPort = declared.get(endpoint.port) ?? {
          protocol: servicePort.protocol,
          grants: new Map(),
          targets: [],
          ...limits,
        };
        entry.requestTimeoutMs = longer(entry.requestTimeoutMs, limits.requestTimeoutMs);
        entry.idleTimeoutMs = longer(entry.idleTimeoutMs, limits.idleTimeoutMs);
        const opening = grants.filter((grant) => leadsTo(grant, service, servicePort));
        for (const grant of opening) entry.grants.set(grant.key, grant);
        entry.targets.push({ service, grants: opening });
        declared.set(endpoint.port, entry);
      }
    }
  }
  return declared;
}

function limitsOf(snapshot: Snapshot, traffic: TrafficIndex, service: Service, servicePort: ServicePort) {
  const { requestMs, idleMs } = trafficOf(traffic, service.key, servicePort).timeouts;
  const target = { service: service.key, port: servicePort.port };
  return { requestTimeoutMs: patienceOf(snapshot, target, requestMs), idleTimeoutMs: idleMs };
}

/** Every identity known in the caller's tenant that the policy lets connect: the wall of an opaque port is a list of names. */
function whoMayConnect(snapshot: Snapshot, policy: PortPolicy, caller: string, nowMs: number): readonly string[] {
  const known = [...snapshot.workloads.values()]
    .filter((workload) => workload.tenant === caller)
    .map((workload) => workload.spiffeId);
  return [...new Set(known)]
    .filter((principal) => decide(policy, { kind: 'tcp', principal }, nowMs).kind === 'allow')
    .sort();
}

function outboundOf(snapshot: Snapshot, workload: Workload, { grants, traffic }: Moment): readonly OutboundPort[] {
  const granted = grants.filter((grant) => speaksOf(snapshot, grant, workload));
  const caller = snapshot.tenants.get(workload.tenant);
  if (caller === undefined) return [];
  const routes = indexRoutes(snapshot);
  const outbound: OutboundPort[] = [];
  const headless: HeadlessPort[] = [];
  for (const service of snapshot.services.values()) {
    for (const servicePort of service.ports) {
      const own = service.tenant === workload.tenant;
      if (!own && !granted.some((grant) => leadsTo(grant, service, servicePort))) continue;
      if (service.headless) {
        headless.push({ service, servicePort });
        continue;
      }
      const serverSpiffeIds = serversOf(snapshot, servicePort);
      const isRouted = routes.has(placeOf({ service: service.key, port: servicePort.port }));
      // Without a name to expect there is nobody to trust: a service nobody stands behind has no cluster.
      if (serverSpiffeIds.length === 0 && !isRouted) continue;
      outbound.push({
        service: service.key,
        tenant: service.tenant,
        port: servicePort.port,
        protocol: servicePort.protocol,
        virtualIps: service.virtualIps,
        endpoints: endpointsFor(snapshot, caller, service, servicePort),
        serverSpiffeIds,
        traffic: trafficOf(traffic, service.key, servicePort),
        rules: [],
      });
    }
  }
  const reachable = new Set(outbound.filter((port) => port.protocol !== 'tcp' && hasServers(port)).map(placeOf));
  const routed = outbound.map((port) => ({ ...port, rules: rulesFor(routes, port, reachable) }));
  return [...routed, ...podPorts(snapshot, headless, caller, traffic)].sort(
    (left, right) =>
      compare(left.service, right.service) || left.port - right.port || compare(left.pod ?? '', right.pod ?? ''),
  );
}

/** A place that either side does not allow is left out, rather than kept for the day the others are gone. */
function endpointsFor(
  snapshot: Snapshot,
  caller: Tenant,
  service: Service,
  { endpoints }: ServicePort,
): readonly OutboundEndpoint[] {
  const owner = snapshot.tenants.get(service.tenant);
  return endpoints.flatMap((endpoint) => {
    const locality = snapshot.workloads.get(endpoint.workload)?.locality;
    if (!endpoint.ready || locality === undefined || owner === undefined) return [];
    return isAllowedIn(caller, locality) && isAllowedIn(owner, locality) ? [{ ...endpoint, locality }] : [];
  });
}

function hasServers({ serverSpiffeIds }: OutboundPort): boolean {
  return serverSpiffeIds.length > 0;
}

function serversOf(snapshot: Snapshot, servicePort: ServicePort): readonly string[] {
  const ids = servicePort.endpoints.flatMap((endpoint) => snapshot.workloads.get(endpoint.workload)?.spiffeId ?? []);
  return [...new Set(ids)].sort();
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
