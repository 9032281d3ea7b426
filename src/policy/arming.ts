/**
 * Callers for whom a fault is armed at an inbound port: those whose tenant and whose target both consented to faults there.
 *
 *   DrillConsent of the target's tenant ─┐
 *                                        ├─ a method in common ──▶ ArmedCaller[]  ──▶ one route each, at 0 %
 *   DrillConsent of the caller's tenant ─┘
 *
 * Armed is not struck: hours, shares and durations are judged by the plan of a drill. What is not armed no drill can
 * strike, whatever it writes. Breakers at callers are not here: their keys exist as soon as the cluster does.
 */
import type { DrillConsent, DrillMethodKind } from '../model/drill.ts';
import type { Grant, Service, Snapshot, Workload } from '../model/snapshot.ts';
import { speaksOf } from './live-grants.ts';

export interface ArmedCaller {
  readonly tenant: string;
  readonly serviceAccount: string;
  readonly spiffeId: string;
}

/** Most callers for whom one port is armed: a request is compared with each of them in turn. The rest, in order of identity, feels no fault. */
export const armedCallersMax = 256;

/** Methods that strike at the target; the others strike at the callers' breakers. */
const faultMethods: readonly DrillMethodKind[] = ['abort', 'delay', 'ejectEndpoint'];

/** By tenant: the consents that live. */
export type ConsentIndex = ReadonlyMap<string, readonly DrillConsent[]>;

export function indexConsents(snapshot: Snapshot, nowMs: number): ConsentIndex {
  return Map.groupBy(liveConsents(snapshot, nowMs), ({ tenant }) => tenant);
}

export function liveConsents({ drillConsents }: Snapshot, nowMs: number): readonly DrillConsent[] {
  return [...drillConsents.values()].filter(({ notAfterMs = Number.POSITIVE_INFINITY }) => nowMs < notAfterMs);
}

/** A service port that leads to the inbound port, and the live grants that open it. */
export interface ArmingTarget {
  readonly service: Service;
  readonly grants: readonly Grant[];
}

/** @returns sorted by identity, at most `armedCallersMax`. */
export function armedCallers(
  snapshot: Snapshot,
  consents: ConsentIndex,
  targets: readonly ArmingTarget[],
): readonly ArmedCaller[] {
  const armed = new Map<string, ArmedCaller>();
  for (const { service, grants } of targets) {
    const callerTenants = consentingCallers(consents, service);
    if (callerTenants.size === 0) continue;
    for (const workload of snapshot.workloads.values()) {
      if (!callerTenants.has(workload.tenant) || !mayDial(snapshot, workload, service, grants)) continue;
      const { tenant, serviceAccount, spiffeId } = workload;
      armed.set(spiffeId, { tenant, serviceAccount, spiffeId });
    }
  }
  return [...armed.values()].sort((left, right) => (left.spiffeId < right.spiffeId ? -1 : 1)).slice(0, armedCallersMax);
}

function consentingCallers(consents: ConsentIndex, { key, tenant }: Service): ReadonlySet<string> {
  const asTarget = (consents.get(tenant) ?? []).flatMap((consent) => consent.asTarget ?? []);
  const willing = asTarget.filter(({ services }) => services.has(key));
  const pairs = willing.flatMap(({ callerTenants, methods }) =>
    [...callerTenants].map((caller) => ({ caller, methods })),
  );
  const agreed = pairs.filter(({ caller, methods }) =>
    (consents.get(caller) ?? []).some(
      ({ asCaller }) =>
        asCaller?.targetTenants.has(tenant) &&
        faultMethods.some((method) => methods.has(method) && asCaller.methods.has(method)),
    ),
  );
  return new Set(agreed.map(({ caller }) => caller));
}

function mayDial(snapshot: Snapshot, workload: Workload, { tenant }: Service, grants: readonly Grant[]): boolean {
  return workload.tenant === tenant || grants.some((grant) => speaksOf(snapshot, grant, workload));
}
