/**
 * Which granted addresses stand for more than one thing in the proxies of the caller.
 *
 * A granted service becomes reachable in another tenant's proxies, where its address could stand in front of one that
 * is there already. The destination writes the grant and the address, the caller never agreed to either: so a grant
 * is refused where its addresses meet those of the caller's own services or pods, and where two destinations bring the
 * caller the same address both are refused. Services of one destination may lead to the same pod. A cluster hands out
 * each address once; this is for folders and for lies.
 */
import type { Service, ServicePort, Workload } from '../snapshot.ts';
import type { GrantDraft } from './grants.ts';

/** What callers dial, and what they find there. */
export interface Dialled {
  /** `address port`. */
  readonly address: string;
  /** A service, or one pod of a headless one. */
  readonly found: string;
}

/** What the proxies of one tenant know without any grant. */
export interface OwnAddresses {
  /** `address port`. */
  readonly services: ReadonlySet<string>;
  /** On every port. */
  readonly pods: ReadonlySet<string>;
}

type Workloads = ReadonlyMap<string, Workload>;

/** A headless service is dialled at every address of its pods. @param workloads of the service's tenant. */
export function dialledOf(
  { key, virtualIps, headless }: Service,
  { port, endpoints }: ServicePort,
  workloads: Workloads,
): Dialled[] {
  if (!headless) return virtualIps.map((address) => ({ address: `${address} ${port}`, found: key }));
  return endpoints.flatMap((endpoint) => {
    const { addresses = [] } = workloads.get(endpoint.workload) ?? {};
    return addresses.map((address) => ({ address: `${address} ${endpoint.port}`, found: endpoint.workload }));
  });
}

export function ownAddresses(services: ReadonlyMap<string, Service>, workloads: Workloads): OwnAddresses {
  const dialled = [...services.values()].flatMap((service) =>
    service.ports.flatMap((port) => dialledOf(service, port, workloads)),
  );
  return {
    services: new Set(dialled.map(({ address }) => address)),
    pods: new Set([...workloads.values()].flatMap(({ addresses }) => addresses)),
  };
}

/** @param brought to one caller. @param own of that caller. @returns `address port`. */
export function contestedAddresses(brought: readonly GrantDraft[], own: OwnAddresses | undefined): ReadonlySet<string> {
  const known = new Map<string, string>();
  const contested = new Set<string>();
  for (const { dialled } of brought) {
    for (const { address, found } of dialled) {
      const isOwn = own?.services.has(address) || own?.pods.has(address.slice(0, address.lastIndexOf(' ')));
      if (isOwn || (known.get(address) ?? found) !== found) contested.add(address);
      known.set(address, found);
    }
  }
  return contested;
}
