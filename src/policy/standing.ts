/**
 * What of services and workloads all views but the ways out are made of: who is there, and not where.
 *
 *   Service, Workload ──standingOf──▶ the same without addresses, places and readiness; the very same one while it is equal
 *
 * So an endpoint that moves, falls ill or recovers leaves all of it where it stands: nobody is seated again, and no port
 * that comes in is compiled.
 */
import { isSameList, keepUnchanged } from '../model/keep-unchanged.ts';
import type { Service, Snapshot, Workload } from '../model/snapshot.ts';

/** Of one slice. */
export interface Standing {
  /** What stands for each service and workload, in their order. */
  readonly values: readonly unknown[];
  readonly services: StandingOf<Service>;
  readonly workloads: StandingOf<Workload>;
}

interface StandingOf<Value> {
  readonly of: ReadonlyMap<string, Value>;
  /** By key; the very same map for the very same values. */
  readonly byKey: ReadonlyMap<string, unknown>;
}

/** @returns with the very same `values` where all that stands is equal. */
export function standingOf(snapshot: Snapshot, former?: Standing): Standing {
  const services = standingIn(snapshot.services, serviceStanding, former?.services);
  const workloads = standingIn(snapshot.workloads, workloadStanding, former?.workloads);
  const values = [services.byKey.size, ...services.byKey.values(), ...workloads.byKey.values()];
  return { values: former && isSameList(former.values, values) ? former.values : values, services, workloads };
}

function standingIn<Value>(
  values: ReadonlyMap<string, Value>,
  reduced: (value: Value) => unknown,
  former: StandingOf<Value> | undefined,
): StandingOf<Value> {
  if (former?.of === values) return former;
  const byKey = new Map<string, unknown>();
  for (const [key, value] of values) {
    const before = former?.byKey.get(key);
    byKey.set(key, former?.of.get(key) === value ? before : keepUnchanged(before, reduced(value)));
  }
  return { of: values, byKey };
}

function serviceStanding({ where, virtualIps, ports, ...service }: Service): unknown {
  return {
    ...service,
    ports: ports.map(({ endpoints, ...port }) => ({
      ...port,
      endpoints: endpoints.map(({ workload, port: number }) => ({ workload, port: number })),
    })),
  };
}

function workloadStanding({ where, addresses, ready, locality, ...workload }: Workload): unknown {
  return workload;
}
