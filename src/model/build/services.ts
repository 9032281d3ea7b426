/**
 * Services of the tenants: ports, endpoints, virtual addresses.
 *
 * What contradicts itself inside one tenant is taken from every side of the contradiction: a virtual address and port
 * that two services claim, a port of a pod that two services call by different protocols. Between tenants nothing is
 * taken from anybody here (see `grants.ts` for where their addresses would meet).
 */
import { canonicalIp } from '../ip-address.ts';
import { badAddress } from '../object-rules.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Endpoint, Service, Tenant } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import { selectedEndpoints, selectPods, slicedEndpoints } from './endpoints.ts';
import type { Inventory } from './inventory.ts';
import type { PodIndex } from './pod-index.ts';
import { type DeclaredPort, declaredPorts } from './service-ports.ts';
import type { PodWorkload } from './workloads.ts';

/** Label by which a slice names its service. Source: Kubernetes, discovery.k8s.io/v1. */
const serviceNameLabel = 'kubernetes.io/service-name';

interface Draft {
  readonly source: ValidObject<'Service'>;
  readonly virtualIps: readonly string[];
  readonly headless: boolean;
  readonly ports: readonly { readonly declared: DeclaredPort; readonly endpoints: readonly Endpoint[] }[];
}

/** @param pods of the tenant. @returns of the tenant, by `namespace/service`, sorted. */
export function servicesIn(
  inventory: Inventory,
  tenant: Tenant,
  pods: PodIndex,
  problems: ProblemList,
): ReadonlyMap<string, Service> {
  const slices = Map.groupBy(
    inventory.of('EndpointSlice'),
    ({ object }) => object.metadata.labels?.[serviceNameLabel] ?? '',
  );
  const drafts = inventory
    .of('Service')
    .filter((source) => isInternal(source, problems))
    .map((source) => draftOf(source, pods, slices.get(source.ref.name), problems));
  const contested = contestedAddresses(drafts, pods.all);
  const disputed = disputedPorts(drafts);
  const settled = drafts.map((draft) => settle(draft, tenant, contested, disputed, problems));
  return new Map(settled.map((service) => [service.key, service]));
}

function isInternal(source: ValidObject<'Service'>, problems: ProblemList): boolean {
  if (source.object.spec.type !== 'ExternalName') return true;
  const message = 'an `ExternalName` leads out of the mesh and is not carried';
  problems.warning(source, {
    code: 'bad-value',
    path: 'spec.type',
    message,
    advice: 'call the service by a pod of the mesh',
  });
  return false;
}

function draftOf(
  source: ValidObject<'Service'>,
  pods: PodIndex,
  slices: readonly ValidObject<'EndpointSlice'>[] | undefined,
  problems: ProblemList,
): Draft {
  const selected = slices === undefined ? selectPods(source, pods, problems) : [];
  const ports = declaredPorts(source, problems).map((declared) => ({
    declared,
    endpoints:
      slices === undefined
        ? selectedEndpoints(source, declared, selected, problems)
        : slicedEndpoints(slices, declared, pods, problems),
  }));
  return { source, ...addressesOf(source, problems), ports };
}

function addressesOf(source: ValidObject<'Service'>, problems: ProblemList): Pick<Draft, 'virtualIps' | 'headless'> {
  const { clusterIP, clusterIPs } = source.object.spec;
  const path = clusterIPs === undefined || clusterIPs.length === 0 ? 'spec.clusterIP' : 'spec.clusterIPs';
  const written = path === 'spec.clusterIPs' ? (clusterIPs ?? []) : [clusterIP ?? ''];
  if (written.includes('')) {
    problems.warning(source, {
      code: 'missing-field',
      path: 'spec.clusterIP',
      message: 'the service has no virtual address, so it is called by the addresses of its pods',
      advice: 'write an address, or `None` where that is meant',
    });
  }
  const addresses = written
    .map((text, index) => ({ text, index }))
    .filter(({ text }) => text !== 'None' && text !== '');
  const virtualIps = addresses.flatMap(({ text, index }) => {
    const address = canonicalIp(text);
    if (address === undefined)
      problems.error(source, badAddress(path === 'spec.clusterIP' ? path : `${path}[${index}]`, text));
    return address ?? [];
  });
  return { virtualIps, headless: addresses.length === 0 };
}

/** Addresses that a tenant's own services or pods claim more than once: `address port` of two services, `address` of a pod. */
function contestedAddresses(drafts: readonly Draft[], pods: readonly PodWorkload[]): ReadonlySet<string> {
  const contested = new Set(pods.flatMap(({ workload }) => workload.addresses));
  const claimed = new Set<string>();
  for (const { virtualIps, ports } of drafts) {
    for (const address of new Set(virtualIps)) {
      for (const { declared } of ports) {
        const claim = `${address} ${declared.port}`;
        if (claimed.has(claim)) contested.add(claim);
        claimed.add(claim);
      }
    }
  }
  return contested;
}

/** `workload port` that is called by more than one protocol. */
function disputedPorts(drafts: readonly Draft[]): ReadonlySet<string> {
  const protocols = new Map<string, string>();
  const disputed = new Set<string>();
  for (const { declared, endpoints } of drafts.flatMap(({ ports }) => ports)) {
    for (const { workload, port } of endpoints) {
      const key = `${workload} ${port}`;
      if ((protocols.get(key) ?? declared.protocol) !== declared.protocol) disputed.add(key);
      protocols.set(key, declared.protocol);
    }
  }
  return disputed;
}

function settle(
  { source, virtualIps, headless, ports }: Draft,
  tenant: Tenant,
  contested: ReadonlySet<string>,
  disputed: ReadonlySet<string>,
  problems: ProblemList,
): Service {
  const isContested = (address: string) =>
    contested.has(address) || ports.some(({ declared }) => contested.has(`${address} ${declared.port}`));
  for (const address of new Set(virtualIps.filter(isContested))) {
    problems.error(source, {
      code: 'address-conflict',
      path: 'spec.clusterIP',
      message: `${quote(address)} is also the address of another service or pod of this tenant, so no service has it`,
      advice: 'give every service an address of its own',
    });
  }
  return {
    key: `${tenant.name}/${source.ref.name}`,
    tenant: tenant.name,
    name: source.ref.name,
    virtualIps: [...new Set(virtualIps.filter((address) => !isContested(address)))],
    headless,
    ports: ports.map(({ declared, endpoints }) => {
      const settled = endpoints.filter(({ workload, port }) => !disputed.has(`${workload} ${port}`));
      if (settled.length < endpoints.length) {
        problems.error(source, {
          code: 'port-conflict',
          path: declared.path,
          message: `another service of this tenant calls the same pod port by another protocol than ${quote(declared.protocol)}, so neither reaches it`,
          advice: 'declare the same `appProtocol` on both',
        });
      }
      return { port: declared.port, name: declared.name, protocol: declared.protocol, endpoints: settled };
    }),
    sealed: tenant.sealedServices.has(source.ref.name),
    where: source.where,
  };
}
