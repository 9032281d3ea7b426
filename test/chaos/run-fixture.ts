/** A drill, a plan and a run to try things on, without a mesh. */

import type { PlannedProxy } from '../../src/chaos/drill-engine.ts';
import { step } from '../../src/chaos/machine.ts';
import type { DrillPlan } from '../../src/chaos/plan.ts';
import { planRun, type Run } from '../../src/chaos/run.ts';
import type { RunEvent } from '../../src/chaos/run-event.ts';
import type { Drill, Probe } from '../../src/model/drill.ts';

const breakerKey = 'circuit_breakers.atelier/api/80.default.max_requests';
const logKey = 'drill.log.atelier/api/80';

function probe(name: string, more: Partial<Probe> = {}): Probe {
  return {
    name,
    phases: ['before', 'during', 'after'],
    source: { kind: 'traffic', metric: 'successRate', group: 'control' },
    tolerance: { atLeast: 0.99 },
    intervalMs: 1_000,
    silenceMs: 3_000,
    ...more,
  };
}

export function drill(more: Partial<Drill> = {}): Drill {
  return {
    key: 'atelier/trip',
    tenant: 'atelier',
    name: 'trip',
    hypothesis: 'the shop goes on without its API',
    risk: '',
    mitigation: '',
    target: { service: 'atelier/api', port: 80 },
    method: { kind: 'openBreaker' },
    radius: { callers: [{ tenant: 'atelier', serviceAccounts: [] }], percent: 50 },
    steadyState: [probe('works'), probe('fast')],
    abortOn: [
      { kind: 'probe', probe: 'works' },
      { kind: 'alert', name: 'ShopDown' },
    ],
    durationMs: 60_000,
    observeMs: 5_000,
    hash: 'd1',
    where: { file: 'drill.yaml', line: 1 },
    ...more,
  };
}

export function plan(struck: readonly string[], watched: readonly string[] = [], needsSecondPerson = false): DrillPlan {
  const laid = (proxies: readonly string[], key: string, value: number): readonly PlannedProxy[] =>
    proxies.map((proxy) => ({ proxy, keys: [{ key, value }] }));
  return {
    clusters: ['atelier/api/80'],
    experiment: struck,
    callers: [{ account: 'atelier/web', struck, spared: watched.filter((proxy) => !struck.includes(proxy)) }],
    view: {
      drill: 'atelier/trip',
      hash: 'p1',
      method: { kind: 'openBreaker' },
      needsSecondPerson,
      touches: laid(struck, breakerKey, 0),
      ...(watched.length === 0 ? {} : { watches: laid(watched, logKey, 100) }),
      control: watched.filter((proxy) => !struck.includes(proxy)),
      excluded: [],
      notes: [],
    },
  };
}

export function planned(as: DrillPlan, of: Drill = drill()): Extract<RunEvent, { kind: 'planned' }> {
  return { kind: 'planned', drill: of, number: 1, plan: as, by: 'ana' };
}

/** The run after these events, one second apart. */
export function runAfter(as: DrillPlan, events: readonly RunEvent[], of: Drill = drill()): Run {
  return events.reduce((run, event, index) => step(run, event, (index + 1) * 1_000).run, planRun(planned(as, of)));
}

/** From the start until the fault lies on the proxies. */
export function untilFault(proxies: readonly string[]): readonly RunEvent[] {
  return [
    { kind: 'started', by: 'ana' },
    ...proxies.map((proxy): RunEvent => ({ kind: 'looked', proxies: [proxy] })),
    { kind: 'measured', phase: 'before', measures: [], failing: [] },
  ];
}

export function halted(by = 'bob'): RunEvent {
  return { kind: 'abort', cause: 'halt', reason: `halted by \`${by}\``, by };
}

export function clean(proxy: string, differs: readonly string[] = []): RunEvent {
  return { kind: 'clean', proxies: [{ proxy, differs }] };
}
