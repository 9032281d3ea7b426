/** Who may call what, as tables: tenants by tenants, and services by identities. Bounded, and it says what was left out. */
import type { Snapshot } from '../model/snapshot.ts';
import type { Access } from './access.ts';

/** Most rows of either table. */
const matrixRowsMax = 500;
/** Most identities that one service names. */
const matrixCallersMax = 100;

export interface AccessMatrix {
  readonly tenants: readonly string[];
  /** For each calling tenant, for each called one: service ports that some identity of the first may call. */
  readonly cells: readonly (readonly number[])[];
  readonly services: readonly ServiceRow[];
  /** Tenants and services beyond the bound. */
  readonly leftOut: { readonly tenants: number; readonly services: number };
}

export interface ServiceRow {
  /** `namespace/service:port`. */
  readonly service: string;
  readonly callers: readonly string[];
  readonly leftOut: number;
}

export function accessMatrix(snapshot: Snapshot, accesses: readonly Access[]): AccessMatrix {
  const all = [...snapshot.tenants.keys()];
  const tenants = all.slice(0, matrixRowsMax);
  const ports = new Map<string, Set<string>>();
  const callers = new Map<string, Set<string>>();
  for (const { caller, callerTenant, tenant, service, port } of accesses) {
    const place = `${service}:${port}`;
    const pair = JSON.stringify([callerTenant, tenant]);
    ports.set(pair, (ports.get(pair) ?? new Set()).add(place));
    callers.set(place, (callers.get(place) ?? new Set()).add(caller));
  }
  const places = [...snapshot.services.values()].flatMap(({ key, ports }) => ports.map(({ port }) => `${key}:${port}`));
  return {
    tenants,
    cells: tenants.map((from) => tenants.map((to) => ports.get(JSON.stringify([from, to]))?.size ?? 0)),
    services: places.slice(0, matrixRowsMax).map((service) => {
      const named = [...(callers.get(service) ?? [])].sort();
      return {
        service,
        callers: named.slice(0, matrixCallersMax),
        leftOut: Math.max(0, named.length - matrixCallersMax),
      };
    }),
    leftOut: { tenants: all.length - tenants.length, services: Math.max(0, places.length - matrixRowsMax) },
  };
}
