/**
 * The standard mesh: who is in it, and what a change concerns. Its objects are in mesh-objects.ts.
 *
 *   standardMesh(1): 125 tenants ─▶ 8 services each ─▶ 10 pods each, of which 2 have a stream      250 grants, 200 policies
 *
 * A proxy sees all services of its tenant and those it is granted, so 8 of its own and 2 of others are tenants of 8: what
 * was meant as 50 tenants is 125 here, because 50 of 20 services would be 22 dependencies a proxy. One endpoint is seen by
 * 20 proxies on average: by 16 where nobody is granted the service, by 32 where a tenant is.
 *
 * Each change carries a number, its mark, in what it changes: in the address of an endpoint (`11.1ab.1cd.1ef`) or in a path
 * of a rule (`/mark-abcdef`). By it an ACK tells which change it answers, and a peer makes the same change of the same
 * bytes: marks are all of one length.
 */
import { evidenceCluster } from '../src/envoy/names.ts';
import { typeUrls } from '../src/xds/type-url.ts';

const tenantsAtOne = 125;
export const servicesPerTenant = 8;
export const podsPerService = 10;
const grantsPerTenant = 2;
/** Of the ten pods of a service, how many have a stream: the last, for the address of the first changes. */
const streamsPerService = 2;
/** Policies of one service each, beside one for each whole tenant. */
const servicePoliciesAtOne = 75;

export const benchTrustDomain = 'bench.test';
export const servicePort = 80;
export const podPort = 8_080;

/** Below it are the marks that a mesh begins with. */
export const firstMark = 10_000;
/** Marks have six digits. */
const markEnd = 1_000_000;

/** The mark in the address of the one cluster that every proxy has. */
export const commonMark = firstMark - 1;

/** `fan-out` is no change of an object: it moves one resource that every proxy holds, past the pipeline. */
export type ChangeKind = 'endpoint' | 'policy' | 'mesh-policy' | 'no-op' | 'fan-out';

/** One change, as our control plane is told of it and as a peer is. */
export interface Change {
  readonly kind: ChangeKind;
  /** Which service, policy or grant; of no meaning where all are changed. */
  readonly at: number;
  readonly mark: number;
  /** What it changes in a proxy, and in which proxies (indexes in `proxies`): nothing and nobody for `no-op`. */
  readonly typeUrl: string;
  readonly name: string;
  readonly nodes: readonly number[];
}

export interface BenchProxy {
  /** Workload key and node id. */
  readonly key: string;
  readonly tenant: string;
  readonly serviceAccount: string;
}

export interface StandardMesh {
  readonly tenants: number;
  readonly services: number;
  readonly proxies: readonly BenchProxy[];
  /** How many there are of what a change of this kind may be made at. */
  readonly places: Readonly<Record<ChangeKind, number>>;
  change(kind: ChangeKind, at: number, mark: number): Change;
}

/** What the mesh is, without its objects. @param scale 1 is the standard. @param streams of the ten pods of a service: nine at most. */
export function standardMesh(scale: number, streams: number = streamsPerService): StandardMesh {
  const streamedPods = range(streams).map((index) => podsPerService - streams + index);
  const tenants = Math.max(grantsPerTenant + 1, Math.round(tenantsAtOne * scale));
  const services = tenants * servicesPerTenant;
  const servicePolicies = Math.min(tenants, Math.round(servicePoliciesAtOne * scale));
  const proxies = range(services).flatMap((service) =>
    streamedPods.map((pod) => ({
      key: `${tenantName(tenantOf(service))}/${podName(service, pod)}`,
      tenant: tenantName(tenantOf(service)),
      serviceAccount: serviceName(service),
    })),
  );
  const perTenant = servicesPerTenant * streamedPods.length;
  const ofTenant = (tenant: number) => range(perTenant).map((index) => tenant * perTenant + index);
  const granted = Map.groupBy(
    range(tenants).flatMap((caller) => grantsOf(caller, tenants)),
    ({ service }) => service,
  );
  return {
    tenants,
    services,
    proxies,
    places: { endpoint: services, policy: servicePolicies, 'mesh-policy': 1, 'no-op': tenants, 'fan-out': 1 },
    change(kind, at, mark) {
      if (mark < 0 || mark >= markEnd) throw new Error(`${mark} is no mark`);
      const route = { kind, at, mark, typeUrl: typeUrls.route, name: `in/${podPort}` };
      switch (kind) {
        case 'endpoint': {
          const callers = [tenantOf(at), ...(granted.get(at) ?? []).map(({ caller }) => caller)];
          const name = `${tenantName(tenantOf(at))}/${serviceName(at)}/${servicePort}`;
          return { kind, at, mark, typeUrl: typeUrls.endpoints, name, nodes: callers.flatMap(ofTenant) };
        }
        case 'policy':
          return { ...route, nodes: ofTenant(at).slice(0, streamedPods.length) };
        case 'mesh-policy':
          return { ...route, nodes: range(proxies.length) };
        case 'fan-out':
          return { kind, at, mark, typeUrl: typeUrls.endpoints, name: evidenceCluster, nodes: range(proxies.length) };
        case 'no-op':
          return { kind, at, mark, typeUrl: '', name: '', nodes: [] };
      }
    },
  };
}

/** Two tenants after the caller open one service each to it. */
export function grantsOf(
  caller: number,
  tenants: number,
): readonly { readonly caller: number; readonly service: number }[] {
  return range(grantsPerTenant).map((index) => {
    const owner = (caller + 1 + index) % tenants;
    return { caller, service: owner * servicesPerTenant + (index % servicesPerTenant) };
  });
}

export function tenantOf(service: number): number {
  return Math.floor(service / servicesPerTenant);
}

export function tenantName(tenant: number): string {
  return `tenant-${tenant}`;
}

export function serviceName(service: number): string {
  return `service-${service}`;
}

export function podName(service: number, pod: number): string {
  return `${serviceName(service)}-${pod}`;
}

export function markedAddress(mark: number): string {
  const digits = String(mark).padStart(6, '0');
  return `11.1${digits.slice(0, 2)}.1${digits.slice(2, 4)}.1${digits.slice(4)}`;
}

export function markedPath(mark: number): string {
  return `/mark-${String(mark).padStart(6, '0')}`;
}

export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
