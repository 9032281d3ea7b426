/** Who answers DNS for the mesh: without names nobody could even see what a drill does. */
import type { Service, Workload } from '../snapshot.ts';

export interface Resolvers {
  /** Service keys: those that are asked, and those that share a workload with one that is. */
  readonly services: ReadonlySet<string>;
  /** `tenant/service account` of the workloads. */
  readonly accounts: ReadonlySet<string>;
}

/** @param dnsResolvers addresses. @param services of the tenant of `workloads`: no other leads to them. */
export function resolversIn(
  dnsResolvers: readonly string[],
  services: ReadonlyMap<string, Service>,
  workloads: ReadonlyMap<string, Workload>,
): Resolvers {
  const addresses = new Set(dnsResolvers);
  const asked = ({ virtualIps }: Service) => virtualIps.some((address) => addresses.has(address));
  const own = [...workloads.values()].filter((workload) => workload.addresses.some((each) => addresses.has(each)));
  const answering = new Set([
    ...own.map(({ key }) => key),
    ...[...services.values()].filter(asked).flatMap(workloadsBehind),
  ]);
  const sharing = [...services.values()].filter(
    (service) => asked(service) || workloadsBehind(service).some((workload) => answering.has(workload)),
  );
  const accounts = [...answering].flatMap((key) => workloads.get(key) ?? []).map(accountOf);
  return { services: new Set(sharing.map(({ key }) => key)), accounts: new Set(accounts) };
}

export function joinResolvers(parts: readonly Resolvers[]): Resolvers {
  return {
    services: new Set(parts.flatMap(({ services }) => [...services])),
    accounts: new Set(parts.flatMap(({ accounts }) => [...accounts])),
  };
}

function workloadsBehind({ ports }: Service): string[] {
  return ports.flatMap(({ endpoints }) => endpoints.map(({ workload }) => workload));
}

function accountOf({ tenant, serviceAccount }: Workload): string {
  return `${tenant}/${serviceAccount}`;
}
