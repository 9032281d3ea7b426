/**
 * Who is who, for those who turn what proxies log into events: looked up in the newest snapshot, indexed once for each.
 */
import type { MeshDirectory } from '../evidence/access-log/event-of-record.ts';
import { inspectionPort, statisticsPort } from '../model/ports.ts';
import type { Service, Snapshot } from '../model/snapshot.ts';

interface Index {
  /** Key of a workload, by each of its addresses. */
  readonly workloads: ReadonlyMap<string, string>;
  /** Keys of services, by each `address port` where they are dialled: several where tenants claim the same. */
  readonly services: ReadonlyMap<string, ReadonlySet<string>>;
  /** `workload port` of each application port that a service leads to. */
  readonly declared: ReadonlySet<string>;
}

/** The sidecar's own doors, whose listeners log as the application's do. */
const doors: ReadonlySet<number> = new Set([inspectionPort, statisticsPort]);

/** @param newest undefined until the mesh was read: then nobody is known. */
export function meshDirectory(newest: () => Snapshot | undefined): MeshDirectory {
  let indexed: { readonly snapshot: Snapshot; readonly index: Index } | undefined;
  const index = (): Index | undefined => {
    const snapshot = newest();
    if (snapshot !== undefined && indexed?.snapshot !== snapshot) indexed = { snapshot, index: indexOf(snapshot) };
    return indexed?.index;
  };
  return {
    workloadAt: (address) => index()?.workloads.get(address),
    serviceAt: (address, port) => {
      const [service, ...others] = index()?.services.get(`${address} ${port}`) ?? [];
      return others.length === 0 ? service : undefined;
    },
    spiffeIdOf: (workload) => newest()?.workloads.get(workload)?.spiffeId,
    isDeclared: (workload, port) => doors.has(port) || (index()?.declared.has(`${workload} ${port}`) ?? false),
    // As Envoy was told it: in parts of ten thousand.
    samplePercent: () => Math.round((newest()?.mesh.evidence.samplePercent ?? 0) * 100) / 100,
  };
}

function indexOf({ workloads, services }: Snapshot): Index {
  const endpoints = [...services.values()].flatMap(({ ports }) => ports.flatMap((port) => port.endpoints));
  return {
    workloads: new Map([...workloads.values()].flatMap(({ key, addresses }) => addresses.map((each) => [each, key]))),
    services: servicesByAddress(services.values()),
    declared: new Set(endpoints.map(({ workload, port }) => `${workload} ${port}`)),
  };
}

function servicesByAddress(services: Iterable<Service>): Index['services'] {
  const found = new Map<string, Set<string>>();
  for (const { key, virtualIps, ports } of services) {
    for (const place of virtualIps.flatMap((address) => ports.map(({ port }) => `${address} ${port}`))) {
      found.set(place, (found.get(place) ?? new Set()).add(key));
    }
  }
  return found;
}
