/**
 * What a sidecar tells of its traffic, and whom: the same for every proxy of the mesh, and all of it the operator's word.
 *
 *   Mesh: evidence, tracing, telemetry ──▶ Observation ──▶ access logs, tracer, door of the statistics
 */
import type { TracingRules } from '../model/evidence-rules.ts';
import type { Mesh, Snapshot } from '../model/snapshot.ts';
import { formatSpiffeId } from '../model/spiffe-id.ts';

export interface Observation {
  /** Share of the healthy requests that leave a record, in percent; with a fraction of two digits. */
  readonly samplePercent: number;
  /** Absent where nothing is traced. */
  readonly tracing?: TracingRules;
  /** Who may read the statistics besides the control plane, one entry a tenant, sorted. */
  readonly scrapers: readonly Scrapers[];
}

export interface Scrapers {
  readonly tenant: string;
  /** Exactly these, sorted; never empty. */
  readonly spiffeIds: readonly string[];
}

/** Without scrapers of namespaces that are no tenant: no CA vouches for them, and a proxy that waited for one would stand still. */
export function observationOf({ mesh, tenants, quarantines }: Snapshot): Observation {
  const { trustDomain, evidence, tracing } = mesh;
  const allowed = mesh.scrapers.filter((each) => !quarantines.has(formatSpiffeId({ trustDomain, ...each })));
  const byTenant = Map.groupBy(allowed, ({ namespace }) => namespace);
  return {
    samplePercent: evidence.samplePercent,
    ...(tracing === undefined ? {} : { tracing }),
    scrapers: [...byTenant]
      .filter(([tenant]) => tenants.has(tenant))
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([tenant, each]) => ({
        tenant,
        spiffeIds: [...new Set(each.map(({ serviceAccount }) => serviceAccount))]
          .sort()
          .map((serviceAccount) => formatSpiffeId({ trustDomain, namespace: tenant, serviceAccount })),
      })),
  };
}

export function isScraper({ scrapers, trustDomain }: Mesh, spiffeId: string): boolean {
  return scrapers.some((each) => formatSpiffeId({ trustDomain, ...each }) === spiffeId);
}
