/** What every part of a view asks of the snapshot, looked up once: for all proxies of one tenant, at one moment. */
import type { Quarantine } from '../model/quarantine.ts';
import type { Grant, Service, ServicePort, Snapshot } from '../model/snapshot.ts';
import { type ConsentIndex, indexConsents } from './arming.ts';
import { liveGrants } from './live-grants.ts';
import { indexRoutes, type RouteIndex } from './routing.ts';
import { indexTraffic, type TrafficIndex } from './traffic.ts';

export interface Moment {
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  /** Those that live. */
  readonly grants: readonly Grant[];
  readonly traffic: TrafficIndex;
  readonly routes: RouteIndex;
  readonly consents: ConsentIndex;
  /** Of the tenant and of those that it lets in, sorted by SPIFFE ID: its ports refuse them. */
  readonly quarantined: readonly Quarantine[];
  /** By workload of the tenant: the service ports of the tenant that lead to it, sorted by service, then port. */
  readonly leads: ReadonlyMap<string, readonly Lead[]>;
}

/** A service port that leads to a port of a workload. */
export interface Lead {
  readonly service: Service;
  readonly servicePort: ServicePort;
  /** Of the application. */
  readonly port: number;
}

/** @param nowMs epoch ms at which grants and consents are judged dead or alive. */
export function momentOf(snapshot: Snapshot, tenant: string, nowMs: number): Moment {
  let leads: Moment['leads'] | undefined;
  const grants = liveGrants(snapshot, nowMs);
  return {
    snapshot,
    nowMs,
    grants,
    traffic: indexTraffic(snapshot),
    routes: indexRoutes(snapshot),
    consents: indexConsents(snapshot, nowMs),
    quarantined: quarantinedAmong(snapshot, tenant, grants),
    // Of use only where somebody is seated, or ports are made, anew.
    get leads() {
      leads ??= leadsIn(snapshot, tenant);
      return leads;
    },
  };
}

function quarantinedAmong({ quarantines }: Snapshot, tenant: string, grants: readonly Grant[]): readonly Quarantine[] {
  if (quarantines.size === 0) return nobody;
  const callers = new Set([tenant, ...grants.flatMap((grant) => (grant.tenant === tenant ? grant.from.tenant : []))]);
  return [...quarantines.values()].filter((each) => callers.has(each.tenant));
}

const nobody: readonly never[] = [];

function leadsIn({ services }: Snapshot, tenant: string): ReadonlyMap<string, readonly Lead[]> {
  const leads = new Map<string, Lead[]>();
  for (const service of services.values()) {
    if (service.tenant !== tenant) continue;
    for (const servicePort of service.ports) {
      for (const { workload, port } of servicePort.endpoints) {
        const known = leads.get(workload) ?? [];
        leads.set(workload, known);
        known.push({ service, servicePort, port });
      }
    }
  }
  return leads;
}
