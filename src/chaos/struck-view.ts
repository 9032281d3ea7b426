/**
 * A drill as a tenant is shown it that feels it and does not own it: the fact, the hypothesis, the phase, its own proxies.
 *
 *   DrillRecord ──tenant──▶ the same, without people, probes, other tenants' proxies, and words that somebody wrote
 *
 * What is left is what the tenant consented to and what happens to itself. The rest is the owner's: who works there, what
 * it measures by which addresses, and whom else it lets call.
 */
import type { DrillPhase, DrillRecord, DrillView, TimelineEntry, TimelineWord } from './drill-engine.ts';

export function struckView(view: DrillView, tenant: string): DrillView {
  return {
    ...view,
    boundedTo: tenant,
    reason: reasonWords[view.phase] ?? '',
    startedBy: '',
    approvedBy: '',
    proxies: ofTenant(view.proxies, tenant),
    probes: [],
    overflows: undefined,
  };
}

export function struckRecord(record: DrillRecord, tenant: string): DrillRecord {
  const { definition, plan, hypothesis } = record;
  const { radius } = definition;
  return {
    ...struckView(record, tenant),
    hypothesis,
    definition: {
      ...definition,
      risk: '',
      mitigation: '',
      radius: { ...radius, callers: radius.callers.filter((caller) => caller.tenant === tenant) },
      steadyState: [],
      abortOn: [],
      hash: '',
      where: { file: '', line: 0 },
    },
    plannedBy: '',
    haltedBy: '',
    plan: {
      drill: plan.drill,
      hash: '',
      method: plan.method,
      needsSecondPerson: plan.needsSecondPerson,
      touches: ofTenant(plan.touches, tenant),
      watches: ofTenant(plan.watches ?? [], tenant),
      control: plan.control.filter((proxy) => isOf(proxy, tenant)),
      excluded: ofTenant(plan.excluded, tenant),
      notes: [],
    },
    callers: record.callers.filter(({ account }) => isOf(account, tenant)),
    traffic: ofTenant(record.traffic, tenant),
    measured: [],
    timeline: record.timeline.flatMap((entry) => struckEntry(entry, tenant)),
  };
}

const reasonWords: Partial<Record<DrillPhase, string>> = {
  aborting: 'it is ended early',
  recovering: 'the fault is withdrawn',
  completed: 'the deadline was reached',
  aborted: 'it was ended early',
  failed: 'it failed',
};

/** Moments of the whole drill that whoever feels it would want to lay beside its own. */
const momentWords: Partial<Record<TimelineWord, string>> = {
  'fault-laid': 'the fault was laid',
  'fault-withdrawn': 'the fault was withdrawn from every proxy',
  ended: 'the drill is over',
};

function struckEntry(entry: TimelineEntry, tenant: string): readonly TimelineEntry[] {
  const { atMs, what, about } = entry;
  const text = momentWords[what];
  if (text !== undefined) return [{ atMs, what, text }];
  return what.startsWith('proxy-') && about !== undefined && isOf(about, tenant) ? [entry] : [];
}

function ofTenant<T extends { readonly proxy: string }>(each: readonly T[], tenant: string): readonly T[] {
  return each.filter(({ proxy }) => isOf(proxy, tenant));
}

/** @param proxy workload key, or a service account: `tenant/name`. */
function isOf(proxy: string, tenant: string): boolean {
  return proxy.startsWith(`${tenant}/`);
}
