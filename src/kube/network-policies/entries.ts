/**
 * Who may come in, as far as it can be said without seeing a request: for each workload of one tenant and each port of its
 * application, the identities of which some request, or a connection, could be let through.
 *
 *   inbound ports (src/policy) ──mayCome(identity)──▶ Entry        methods, paths, tokens and conditions are the sidecar's
 *
 * A rule that lets in a part of the requests lets in the connection. A deny counts only where it leaves no request over.
 */
import { isAllowedIn } from '../../model/locality.ts';
import type { Snapshot, Workload } from '../../model/snapshot.ts';
import { formatSpiffeId, spiffeIdPrefix } from '../../model/spiffe-id.ts';
import { inboundKey, inboundOf } from '../../policy/inbound-view.ts';
import { type Moment, momentOf } from '../../policy/moment.ts';
import { isStatic, matchesEvery, type PortPolicy, type Rule } from '../../policy/port-policy.ts';

/** One way into one workload. */
export interface Entry {
  /** Of the application, which is the port on the wire: the sidecar takes what was addressed to it. */
  readonly port: number;
  /** Of the callers. */
  readonly tenant: string;
  /** Of those that have a workload. */
  readonly spiffeIds: ReadonlySet<string>;
  /** Whether whoever comes to that tenant later may come in, too. */
  readonly isOpen: boolean;
}

export interface Entries {
  /** By workload. */
  readonly of: ReadonlyMap<string, readonly Entry[]>;
  /** Equal for workloads that nobody need tell apart, neither as callers nor as callees. */
  faceOf(workload: Workload): string;
}

/** Has no workload: what lets it in lets in whoever comes. */
const nobodyYet = 'nobody-yet';

/**
 * @param slice of the tenant, see `tenant-slice.ts`. @param tenants of the whole mesh.
 * @param nowMs epoch ms at which grants and rules are judged dead or alive.
 */
export function entriesInto(tenant: string, slice: Snapshot, tenants: Snapshot['tenants'], nowMs: number): Entries {
  const now = momentOf(slice, tenant, nowMs);
  const known = Map.groupBy(slice.workloads.values(), (workload) => workload.tenant);
  const owner = tenants.get(tenant);
  const guests = [
    ...new Set([tenant, ...now.grants.flatMap((grant) => (grant.tenant === tenant ? grant.from.tenant : []))]),
  ];
  /** A place that either side does not allow is dialled by nobody of that side. */
  const reaching = (workload: Workload) =>
    guests.filter((guest) => {
      const caller = tenants.get(guest);
      const isEither = caller !== undefined && owner !== undefined;
      return isEither && isAllowedIn(caller, workload.locality) && isAllowedIn(owner, workload.locality);
    });
  const byClass = new Map<string, readonly Entry[]>();
  const of = new Map<string, readonly Entry[]>();
  const faces = new Map<string, string>();
  for (const workload of slice.workloads.values()) {
    if (workload.tenant !== tenant) continue;
    const seat = inboundKey(now, workload);
    const from = reaching(workload);
    const face = JSON.stringify([seat, from]);
    const entries = byClass.get(face) ?? entriesOf(now, workload, known).filter((entry) => from.includes(entry.tenant));
    byClass.set(face, entries);
    of.set(workload.key, entries);
    faces.set(workload.key, `${workload.spiffeId} ${face}`);
  }
  return { of, faceOf: ({ key }) => faces.get(key) ?? '' };
}

function entriesOf(now: Moment, workload: Workload, known: ReadonlyMap<string, readonly Workload[]>): readonly Entry[] {
  const { trustDomain } = now.snapshot.mesh;
  return inboundOf(now, workload).flatMap(({ port, policy, callers }) =>
    callers.flatMap(({ tenant }) => {
      const mayCome = (spiffeId: string) => isLetIn(policy, spiffeId, now.nowMs);
      const identities = new Set((known.get(tenant) ?? []).map(({ spiffeId }) => spiffeId));
      const spiffeIds = new Set([...identities].filter(mayCome));
      const isOpen = mayCome(formatSpiffeId({ trustDomain, namespace: tenant, serviceAccount: nobodyYet }));
      return spiffeIds.size === 0 && !isOpen ? [] : [{ port, tenant, spiffeIds, isOpen }];
    }),
  );
}

function isLetIn(policy: PortPolicy, spiffeId: string, nowMs: number): boolean {
  const { quarantine, allow, deny, trustDomain } = policy;
  const isCutOff = quarantine?.owner ?? quarantine?.callers.some((each) => each.spiffeId === spiffeId) ?? false;
  if (isCutOff) return false;
  const speaksOf = ({ callers, notAfterMs }: Rule) => {
    if (notAfterMs !== undefined && nowMs >= notAfterMs) return false;
    if (callers === 'anyone') return true;
    return callers.some((caller) =>
      caller.kind === 'tenant'
        ? spiffeId.startsWith(spiffeIdPrefix(trustDomain, caller.tenant))
        : caller.spiffeId === spiffeId,
    );
  };
  const leavesNothing = (rule: Rule) => speaksOf(rule) && matchesEvery(rule.match) && isStatic(rule);
  return allow.some(speaksOf) && !deny.some(leavesNothing);
}
