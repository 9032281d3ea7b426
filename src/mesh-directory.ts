/**
 * Who is who, for those who turn what proxies log into events: looked up in the newest snapshot, indexed once for each.
 */
import type { MeshDirectory } from './evidence/event-of-record.ts';
import { inspectionPort, statisticsPort } from './model/ports.ts';
import type { Snapshot } from './model/snapshot.ts';

interface Index {
  /** Key of a workload, by each of its addresses. */
  readonly workloads: ReadonlyMap<string, string>;
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
    declared: new Set(endpoints.map(({ workload, port }) => `${workload} ${port}`)),
  };
}
