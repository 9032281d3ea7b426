/**
 * Which workloads of one tenant agree in all that tells one view from another, their own names set aside.
 *
 *   workloads ──services that lead there, policies that select, grants that speak──▶ Table: those that may know the same
 *
 * Where who is there, the policies and the grants are the same, the tables are those of before: what else moves, such as
 * an address, the mesh or a route, seats nobody elsewhere.
 */
import { isSameList } from '../model/keep-unchanged.ts';
import type { Snapshot, Workload } from '../model/snapshot.ts';
import { inboundKey } from './inbound-view.ts';
import type { Moment } from './moment.ts';
import { outboundKey } from './outbound-view.ts';
import type { Standing } from './standing.ts';

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

/** @param standing of the same slice. */
export function seatingOf(now: Moment, tenant: string, standing: Standing, former?: Seating): Seating {
  const { snapshot, grants } = now;
  const sources = [snapshot.mesh.trustDomain, standing.values, snapshot.policies, snapshot.quarantines, ...grants];
  if (former !== undefined && isSameList(former.sources, sources))
    return { tables: reseated(former, snapshot), sources };
  const tables = new Map<string, Table & { readonly members: Workload[] }>();
  for (const workload of snapshot.workloads.values()) {
    if (workload.tenant !== tenant) continue;
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

/** Where nobody came or left, the members are those of today. */
function reseated({ tables }: Seating, { workloads }: Snapshot): readonly Table[] {
  return tables.map((table) => {
    const members = table.members.map((member) => workloads.get(member.key) ?? member);
    return isSameList(table.members, members) ? table : { ...table, members };
  });
}
