/**
 * Where each workload under explicit capture finds what it may call: one address for each destination, nobody else's.
 *
 *   own services, granted services, ways out ──declared, or allocated──▶ claims ──less the contested──▶ addresses
 *
 * What is allocated depends on the workload and the destination alone, so it stays when others come and go. An address
 * that is claimed twice in the whole mesh is taken from every side, also across tenants: whoever dials it would speak
 * in another workload's name. Each side is told, without the other's name, and may declare another address.
 */
import { captureOf, declaredOutbound, outboundPath } from '../capture.ts';
import { explicitAddress, externalDestination, podDestination } from '../explicit-address.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { ExternalService, Grant, Mesh, Service, Workload } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import type { Inventory } from './inventory.ts';
import type { PodWorkload } from './workloads.ts';

interface World {
  readonly mesh: Mesh;
  readonly workloads: ReadonlyMap<string, PodWorkload>;
  readonly services: ReadonlyMap<string, Service>;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly externalServices: ReadonlyMap<string, readonly ExternalService[]>;
}

interface Claim {
  readonly source: ValidObject<'Pod'>;
  readonly workload: string;
  readonly destination: string;
  readonly address: string;
}

/** @returns by workload, then by destination, both sorted. */
export function buildExplicitAddresses(
  inventory: Inventory,
  world: World,
  problems: ProblemList,
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const explicit = inventory.of('Pod').flatMap((source) => {
    const workload = world.workloads.get(`${source.ref.namespace}/${source.ref.name}`)?.workload;
    return workload === undefined || captureOf(source.object) === 'transparent' ? [] : [{ source, workload }];
  });
  const inUse = new Set(explicit.flatMap(({ workload }) => [...workload.addresses, workload.applicationAddress]));
  const claims = explicit.flatMap(({ source, workload }) => claimsOf(source, workload, world, problems));
  const times = Map.groupBy(claims, ({ address }) => address);
  const addresses = new Map<string, Map<string, string>>(explicit.map(({ workload }) => [workload.key, new Map()]));
  for (const claim of claims) {
    const { source, workload, destination, address } = claim;
    if (times.get(address)?.length === 1 && !inUse.has(address)) addresses.get(workload)?.set(destination, address);
    else problems.error(source, contested(claim));
  }
  return addresses;
}

function claimsOf(
  source: ValidObject<'Pod'>,
  workload: Workload,
  world: World,
  problems: ProblemList,
): readonly Claim[] {
  const declared = declaredOutbound(source.object);
  const destinations = destinationsOf(workload, world);
  for (const destination of [...declared.keys()].filter((name) => !destinations.includes(name))) {
    problems.warning(source, {
      code: 'dangling-reference',
      path: outboundPath,
      message: `the pod may call nothing that is named ${quote(destination)}, so nothing listens for it`,
      advice: 'write `namespace/service`, `pod/namespace/pod` or `external/name` of something that it may call',
    });
  }
  return destinations.map((destination) => ({
    source,
    workload: workload.key,
    destination,
    address: declared.get(destination) ?? explicitAddress(world.mesh.explicitRange, workload.key, destination),
  }));
}

/** All that the workload may ever call, whether a grant has ended by the clock or not: time moves no address. */
function destinationsOf({ tenant }: Workload, { services, grants, externalServices }: World): readonly string[] {
  const granted = new Set([...grants.values()].flatMap(({ from, to }) => (from.tenant === tenant ? [to.service] : [])));
  const callable = [...services.values()].filter((service) => service.tenant === tenant || granted.has(service.key));
  const inside = callable.flatMap(({ key, headless, ports }) =>
    headless ? ports.flatMap(({ endpoints }) => endpoints.map((endpoint) => podDestination(endpoint.workload))) : [key],
  );
  const outside = (externalServices.get(tenant) ?? []).map(({ name }) => externalDestination(name));
  return [...new Set([...inside, ...outside])].sort();
}

function contested({ destination, address }: Claim) {
  return {
    code: 'address-conflict' as const,
    path: outboundPath,
    message: `${quote(address)}, where ${quote(destination)} would be dialled, has another use in the mesh, so nothing listens there`,
    advice: `declare another address of loopback: ${quote(`coffre.dev/outbound-addresses: ${destination}=127.9.0.1`)}`,
  };
}
