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
import type { ExternalService, Service } from '../snapshot.ts';
import type { ValidObject } from '../sourced-object.ts';
import type { PodWorkload } from './workloads.ts';

/** What the workloads of one tenant may ever call. */
export interface Callable {
  readonly own: ReadonlyMap<string, Service>;
  readonly granted: readonly Service[];
  readonly external: readonly ExternalService[];
}

export interface AddressClaim {
  readonly pod: ValidObject<'Pod'>;
  readonly workload: string;
  readonly destination: string;
  readonly address: string;
}

/** Names of all that is callable, whether a grant has ended by the clock or not: time moves no address. */
export function destinationsOf({ own, granted, external }: Callable): readonly string[] {
  const inside = [...own.values(), ...granted].flatMap(({ key, headless, ports }) =>
    headless ? ports.flatMap(({ endpoints }) => endpoints.map((endpoint) => podDestination(endpoint.workload))) : [key],
  );
  const outside = external.map(({ name }) => externalDestination(name));
  return [...new Set([...inside, ...outside])].sort();
}

export function isExplicit({ pod }: PodWorkload): boolean {
  return captureOf(pod.object) === 'explicit';
}

/** @param explicit of one tenant, sorted. @param destinations of that tenant, sorted. @param range of the mesh. */
export function addressClaims(
  explicit: readonly PodWorkload[],
  destinations: readonly string[],
  range: string,
  problems: ProblemList,
): readonly AddressClaim[] {
  const known = new Set(destinations);
  return explicit.flatMap(({ pod, workload }) => {
    const declared = declaredOutbound(pod.object);
    for (const destination of declared.keys()) {
      if (known.has(destination)) continue;
      problems.warning(pod, {
        code: 'dangling-reference',
        path: outboundPath,
        message: `the pod may call nothing that is named ${quote(destination)}, so nothing listens for it`,
        advice: 'write `namespace/service`, `pod/namespace/pod` or `external/name` of something that it may call',
      });
    }
    return destinations.map((destination) => ({
      pod,
      workload: workload.key,
      destination,
      address: declared.get(destination) ?? explicitAddress(range, workload.key, destination),
    }));
  });
}

/** Every address that is put to use on the loopback that explicit workloads share. */
export function usedAddresses(explicit: readonly PodWorkload[], claims: readonly AddressClaim[]): ReadonlySet<string> {
  return new Set([...inUse(explicit), ...claims.map(({ address }) => address)]);
}

function inUse(explicit: readonly PodWorkload[]): readonly string[] {
  return explicit.flatMap(({ workload }) => [...workload.addresses, workload.applicationAddress]);
}

/**
 * @param elsewhere which of these addresses another tenant uses too.
 * @returns of one tenant, by workload, then by destination, both sorted.
 */
export function explicitAddressesIn(
  explicit: readonly PodWorkload[],
  claims: readonly AddressClaim[],
  elsewhere: ReadonlySet<string>,
  problems: ProblemList,
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const bound = new Set(inUse(explicit));
  const times = Map.groupBy(claims, ({ address }) => address);
  const addresses = new Map<string, Map<string, string>>(explicit.map(({ workload }) => [workload.key, new Map()]));
  for (const claim of claims) {
    const { pod, workload, destination, address } = claim;
    const isOnlyHere = times.get(address)?.length === 1 && !bound.has(address) && !elsewhere.has(address);
    if (isOnlyHere) addresses.get(workload)?.set(destination, address);
    else problems.error(pod, contested(claim));
  }
  return addresses;
}

function contested({ destination, address }: AddressClaim) {
  return {
    code: 'address-conflict' as const,
    path: outboundPath,
    message: `${quote(address)}, where ${quote(destination)} would be dialled, has another use in the mesh, so nothing listens there`,
    advice: `declare another address of loopback: ${quote(`coffre.dev/outbound-addresses: ${destination}=127.9.0.1`)}`,
  };
}
