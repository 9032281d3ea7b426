/**
 * Whose words a resource of a proxy was made of: the objects of authors behind one name.
 *
 *   name ──which port of the view?──▶ Service, then what speaks of it: HTTPRoute, TrafficPolicy, AccessPolicy, Grant, Tenant
 *
 * The first is the object that the resource could not exist without. Names are compared with those that the builders
 * give, never taken apart.
 */
import {
  applicationCluster,
  boundInboundListener,
  externalCluster,
  externalRoute,
  inboundListener,
  inboundName,
  outboundRoute,
  outboundServiceListener,
  peersRules,
  peersSecret,
  serversSecret,
  serviceCluster,
} from '../envoy/names.ts';
import type { ObjectRef } from '../model/problem.ts';
import type { ExternalService, Snapshot, Workload } from '../model/snapshot.ts';
import type { SourceRef } from '../model/source-ref.ts';
import { type InboundPort, type OutboundPort, type ProxyView, viewOf } from '../policy/view.ts';
import type { BrokenPart } from './build-proxy.ts';
import { saidText } from './said-text.ts';

/** One object of an author, as it is in force. */
export interface Origin {
  readonly ref: ObjectRef;
  readonly where: SourceRef;
  /** What it says, places aside: equal text, equal meaning. */
  readonly text: string;
}

/** @returns the workload's own Pod where nothing else is known; empty where the workload is gone. */
export function originsOf(snapshot: Snapshot, workloadKey: string, name: string, nowMs: number): readonly Origin[] {
  const workload = snapshot.workloads.get(workloadKey);
  if (workload === undefined) return [];
  const view = viewOf(snapshot, workload, nowMs);
  const external = view.external.find(
    (each) => name === externalCluster(each) || `${name}/`.startsWith(`${externalRoute(each)}/`),
  );
  if (external !== undefined) return withMesh(snapshot, behindExternal(snapshot, workload, external));
  const outbound = view.outbound.find((port) => namesOutbound(port).includes(name));
  if (outbound !== undefined) return withMesh(snapshot, behindOutbound(snapshot, workload, outbound));
  const inbound = view.inbound.filter((port) => namesInbound(view, port).includes(name));
  if (inbound.length > 0) return withMesh(snapshot, behindInbound(snapshot, workload, inbound));
  return withMesh(snapshot, originsOfWorkload(workload));
}

/** @returns empty only where what it was made of is gone. */
export function originsOfPart(snapshot: Snapshot, workload: Workload, part: BrokenPart): readonly Origin[] {
  switch (part.kind) {
    case 'inbound':
      return behindInbound(snapshot, workload, [part.port]);
    case 'outbound':
      return behindOutbound(snapshot, workload, part.port);
    case 'external':
      return behindExternal(snapshot, workload, part.service);
  }
}

export function originsOfWorkload(workload: Workload): readonly Origin[] {
  return [origin('Pod', workload.tenant, workload.name, workload)];
}

function namesOutbound(port: OutboundPort): readonly string[] {
  const listeners = port.virtualIps.map((address) => outboundServiceListener(port, address));
  return [serviceCluster(port), outboundRoute(port), serversSecret(port), ...listeners];
}

function namesInbound({ workload }: ProxyView, { port, callers }: InboundPort): readonly string[] {
  const peers = callers.flatMap(({ tenant }) => [peersSecret(port, tenant), peersRules(port, tenant)]);
  const bound = workload.addresses.map((address) => boundInboundListener(port, address));
  return [inboundListener, inboundName(port), applicationCluster(port), ...peers, ...bound];
}

function behindOutbound(snapshot: Snapshot, workload: Workload, { service, port }: OutboundPort): readonly Origin[] {
  const routes = [...snapshot.httpRoutes.values()].filter(({ parents }) =>
    parents.some((parent) => parent.service === service && parent.port === port),
  );
  const traffic = [...snapshot.trafficPolicies.values()].filter((policy) => policy.service === service);
  const grants = [...snapshot.grants.values()].filter(
    ({ from, to }) => to.service === service && from.tenant === workload.tenant,
  );
  return [
    ...[snapshot.services.get(service) ?? []].flat().map((each) => origin('Service', each.tenant, each.name, each)),
    ...routes.map((each) => origin('HTTPRoute', each.tenant, each.name, each)),
    ...traffic.map((each) => origin('TrafficPolicy', each.tenant, each.name, each)),
    ...grants.map((each) => origin('Grant', each.tenant, each.name, each)),
  ];
}

/** The line of the way out itself. */
function behindExternal({ tenants }: Snapshot, { tenant }: Workload, external: ExternalService): readonly Origin[] {
  return tenants.has(tenant) ? [origin('Tenant', '', tenant, external)] : [];
}

function behindInbound(snapshot: Snapshot, workload: Workload, ports: readonly InboundPort[]): readonly Origin[] {
  const numbers = new Set(ports.map(({ port }) => port));
  const services = [...snapshot.services.values()].filter((service) =>
    service.ports.some(({ endpoints }) =>
      endpoints.some((endpoint) => endpoint.workload === workload.key && numbers.has(endpoint.port)),
    ),
  );
  const keys = new Set(services.map(({ key }) => key));
  const policies = [...snapshot.policies.values()].filter(
    ({ tenant, selector }) =>
      tenant === workload.tenant && [...selector].every(([label, value]) => workload.labels.get(label) === value),
  );
  const grants = [...snapshot.grants.values()].filter(({ to }) => keys.has(to.service));
  const traffic = [...snapshot.trafficPolicies.values()].filter(({ service }) => keys.has(service));
  const tenant = snapshot.tenants.get(workload.tenant);
  return [
    ...services.map((each) => origin('Service', each.tenant, each.name, each)),
    ...policies.map((each) => origin('AccessPolicy', each.tenant, each.name, each)),
    ...grants.map((each) => origin('Grant', each.tenant, each.name, each)),
    ...traffic.map((each) => origin('TrafficPolicy', each.tenant, each.name, each)),
    ...(tenant === undefined ? [] : [origin('Tenant', '', tenant.name, tenant)]),
  ];
}

/** What is said for all is behind everything, and the first to be suspected only where it changed. */
function withMesh({ mesh }: Snapshot, origins: readonly Origin[]): readonly Origin[] {
  return [...origins, origin('Mesh', '', 'default', mesh)];
}

function origin(kind: string, namespace: string, name: string, value: { readonly where: SourceRef }): Origin {
  return { ref: { kind, namespace, name }, where: value.where, text: saidText(value) };
}
