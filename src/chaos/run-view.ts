/** A run as people and doors are shown it. */
import type { Drill } from '../model/drill.ts';
import type { DrillRecord, DrillView, ProbeView, ProxyProgress, TimelineEntry } from './drill-engine.ts';
import { phaseOf, type Run } from './run.ts';
import { settlementOf, verdictOf } from './verdict.ts';

/** What is seen and not written down: readings come faster than facts. */
export interface LiveReadings {
  /** By name; those of the phase under way, also of one whose probes end nothing. */
  readonly probes: ReadonlyMap<string, ProbeReadout>;
  readonly overflows: number | undefined;
}

export type ProbeReadout = Pick<ProbeView, 'value' | 'state'>;

export function runView(run: Run, live: LiveReadings): DrillView {
  const { drill, faultAtMs } = run;
  const settled = settlementOf(run);
  const reason = run.ending?.reason ?? '';
  return {
    drill: drill.key,
    tenant: drill.tenant,
    phase: phaseOf(run),
    reason: settled === '' ? reason : `${reason}; ${settled}`,
    startedBy: run.startedBy,
    approvedBy: run.approvedBy,
    startedAtMs: run.startedAtMs,
    faultAtMs,
    deadlineMs: faultAtMs === 0 ? 0 : faultAtMs + drill.durationMs,
    endedAtMs: run.endedAtMs,
    proxies: progressOf(run),
    probes: drill.steadyState.map(({ name }): ProbeView => {
      const { value, state } = live.probes.get(name) ?? { value: undefined, state: run.probes.get(name) ?? 'waiting' };
      return { name, value, state };
    }),
    overflows: live.overflows ?? run.overflows,
    verdict: verdictOf(run),
  };
}

/** A drill that never ran. */
export function declaredView({ key, tenant, steadyState }: Drill, isPlanned: boolean): DrillView {
  return {
    drill: key,
    tenant,
    phase: isPlanned ? 'planned' : 'declared',
    reason: '',
    startedBy: '',
    approvedBy: '',
    startedAtMs: 0,
    faultAtMs: 0,
    deadlineMs: 0,
    endedAtMs: 0,
    proxies: [],
    probes: steadyState.map(({ name }) => ({ name, value: undefined, state: 'waiting' })),
    overflows: undefined,
    verdict: 'pending',
  };
}

function progressOf({ proxies, plan }: Run): readonly ProxyProgress[] {
  const touched = [...proxies]
    .filter(([, { strikes }]) => strikes)
    .map(([proxy, { progress, why }]) => ({ proxy, state: progress, why }));
  return [...touched, ...plan.view.excluded.map(({ proxy, why }) => ({ proxy, state: 'excluded' as const, why }))];
}

export function runRecord(run: Run, live: LiveReadings, timeline: readonly TimelineEntry[]): DrillRecord {
  return {
    ...runView(run, live),
    hypothesis: run.drill.hypothesis,
    definition: run.drill,
    plannedBy: run.plannedBy,
    haltedBy: run.haltedBy,
    plan: run.plan.view,
    callers: run.plan.callers,
    traffic: run.traffic,
    measured: run.measured,
    timeline,
  };
}
