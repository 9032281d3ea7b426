/**
 * Which workloads of one tenant agree in all that tells one view from another, their own names set aside.
 *
 *   workloads ──services that lead there, policies that select, grants that speak──▶ Table: those that may know the same
 *
 * Asked again of the same workloads, services, policies and grants, the tables are the very same values, and no workload
 * is read: what else moves, such as the mesh or a route, seats nobody elsewhere.
 */
import { isSameList } from '../model/keep-unchanged.ts';
import type { Workload } from '../model/snapshot.ts';
import { inboundKey } from './inbound-view.ts';
import type { Moment } from './moment.ts';
import { outboundKey } from './outbound-view.ts';

export interface Table {
  /** Unique in its tenant, and the same for as long as the members agree in the same. */
  readonly key: string;
  /** Equal where the ports that come in are equal; likewise those that go out. */
  readonly inboundBy: string;
  readonly outboundBy: string;
  /** As the snapshot has them: sorted by key. */
  readonly members: readonly Workload[];
}

export interface Seating {
  readonly tables: readonly Table[];
  readonly sources: readonly unknown[];
}

export function seatingOf(now: Moment, tenant: string, former?: Seating): Seating {
  const { snapshot, grants } = now;
  const ofTenant = <T extends { readonly tenant: string }>(all: ReadonlyMap<string, T>) =>
    [...all.values()].filter((each) => each.tenant === tenant);
  const workloads = ofTenant(snapshot.workloads);
  const services = ofTenant(snapshot.services);
  const policies = ofTenant(snapshot.policies);
  const lists = [workloads, services, policies, grants];
  const sources = [snapshot.mesh.trustDomain, ...lists.flatMap((list) => [list.length, ...list])];
  if (former !== undefined && isSameList(former.sources, sources)) return former;
  const tables = new Map<string, Table & { readonly members: Workload[] }>();
  for (const workload of workloads) {
    const inboundBy = inboundKey(now, workload);
    const outboundBy = outboundKey(now, workload);
    const { serviceAccount, capture, applicationAddress } = workload;
    // Under explicit capture each has addresses of its own.
    const own = capture === 'explicit' ? workload.key : '';
    const key = JSON.stringify([serviceAccount, capture, applicationAddress, own, inboundBy, outboundBy]);
    const table = tables.get(key);
    if (table === undefined) tables.set(key, { key, inboundBy, outboundBy, members: [workload] });
    else table.members.push(workload);
  }
  return { tables: [...tables.values()], sources };
}
