/**
 * Which proxies an object concerns: those whose configuration is made of it, and so those whose ACK it waits for.
 *
 *   Mesh            all                                  AccessPolicy    those it selects
 *   Tenant          its own, and whom it lets in         TrafficPolicy   who may call the service, and those behind it
 *   Grant           whom it lets in, and those behind    HTTPRoute       who may call a parent
 *   Drill, consent, grant of a volume: none
 *
 * Rules are kept by the authorization workers as well, so what says who may do what concerns them too. It may name a proxy
 * too many (a port of the service that nobody opens), and none too few.
 */
import type { ObjectRef } from '../../model/problem.ts';
import type { AccessPolicy, Grant, Snapshot, Workload } from '../../model/snapshot.ts';

export interface Concerned {
  readonly workloads: readonly Workload[];
  readonly workers: boolean;
}

const nobody: Concerned = { workloads: [], workers: false };

/** @param candidates workloads among which to look: those whose proxies are connected. */
export function concernedIn(snapshot: Snapshot, candidates: readonly Workload[]): (ref: ObjectRef) => Concerned {
  const byTenant = Map.groupBy(candidates, ({ tenant }) => tenant);
  const grants = [...snapshot.grants.values()];
  const grantsTo = Map.groupBy(grants, ({ to }) => to.service);
  const grantsOf = Map.groupBy(grants, ({ tenant }) => tenant);
  /** Policies share their selectors more often than not. */
  const selected = new Map<string, readonly Workload[]>();
  const callers = new Map<string, readonly Workload[]>();
  const connected = new Map(candidates.map((workload) => [workload.key, workload]));

  const of = (tenant: string) => byTenant.get(tenant) ?? [];
  const letInBy = (letting: readonly Grant[]) =>
    letting.flatMap(({ from: { tenant, spiffeIds } }) =>
      spiffeIds.length === 0 ? of(tenant) : of(tenant).filter(({ spiffeId }) => spiffeIds.includes(spiffeId)),
    );
  const behind = (service: string) =>
    (snapshot.services.get(service)?.ports ?? []).flatMap(({ endpoints }) =>
      endpoints.flatMap(({ workload }) => connected.get(workload) ?? []),
    );

  function callersOf(service: string): readonly Workload[] {
    const known = callers.get(service);
    if (known !== undefined) return known;
    const all = [...of(service.slice(0, service.indexOf('/'))), ...letInBy(grantsTo.get(service) ?? [])];
    callers.set(service, all);
    return all;
  }

  function selectedBy({ tenant, selector }: AccessPolicy): readonly Workload[] {
    const key = JSON.stringify([tenant, ...selector]);
    const known = selected.get(key);
    if (known !== undefined) return known;
    const wanted = [...selector];
    const all = of(tenant).filter(({ labels }) => wanted.every(([name, value]) => labels.get(name) === value));
    selected.set(key, all);
    return all;
  }

  return ({ kind, namespace, name }) => {
    const key = `${namespace}/${name}`;
    switch (kind) {
      case 'Mesh':
        return { workloads: candidates, workers: true };
      case 'Tenant':
        return { workloads: unique([...of(name), ...letInBy(grantsOf.get(name) ?? [])]), workers: true };
      case 'Grant': {
        const grant = snapshot.grants.get(key);
        if (grant === undefined) return nobody;
        return { workloads: unique([...letInBy([grant]), ...behind(grant.to.service)]), workers: true };
      }
      case 'AccessPolicy': {
        const policy = snapshot.policies.get(key);
        return policy === undefined ? nobody : { workloads: selectedBy(policy), workers: true };
      }
      case 'TrafficPolicy': {
        const service = snapshot.trafficPolicies.get(key)?.service;
        if (service === undefined) return nobody;
        return { workloads: unique([...callersOf(service), ...behind(service)]), workers: false };
      }
      case 'HTTPRoute': {
        const parents = snapshot.httpRoutes.get(key)?.parents ?? [];
        return { workloads: unique(parents.flatMap(({ service }) => callersOf(service))), workers: false };
      }
      default:
        return nobody;
    }
  };
}

function unique(workloads: readonly Workload[]): readonly Workload[] {
  return [...new Set(workloads)];
}
