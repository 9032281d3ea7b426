/**
 * One run of a drill as a value: where it stands, what it owes, and how it came to end.
 *
 *   planned ─▶ approved ─▶ before ─▶ during ─▶ withdrawing ─▶ after ─▶ closing ─▶ over
 *
 * A proxy *owes* from the moment a layer is laid on it until it was seen clean or its TTL has run out. No run is over
 * while a proxy owes. The surprise: layers are laid three times, to watch before, for the fault, and to watch after;
 * only the second is a fault, and once a run ends it is never laid again.
 */
import { compareText } from '../model/canonical-json.ts';
import type { Drill } from '../model/drill.ts';
import type { DrillPhase, PlannedProxy, ProbeMeasure, ProbeView, ProxyProgress, ProxyTraffic } from './drill-engine.ts';
import type { DrillPlan } from './plan.ts';
import type { RunEvent } from './run-event.ts';

export type Stage = 'planned' | 'approved' | 'before' | 'during' | 'withdrawing' | 'after' | 'closing' | 'over';

export interface Run {
  readonly drill: Drill;
  readonly number: number;
  readonly plan: DrillPlan;
  readonly plannedBy: string;
  readonly approvedBy: string;
  /** Epoch ms; 0 where nobody approved. */
  readonly approvedAtMs: number;
  readonly startedBy: string;
  readonly haltedBy: string;
  readonly stage: Stage;
  /** Undefined while nothing has ended it. */
  readonly ending: Ending | undefined;
  /** Nothing of this run is laid any more, not even to watch: somebody took back the leave to touch. */
  readonly quiet: boolean;
  /** Epoch ms; 0 where it has not come to that. */
  readonly startedAtMs: number;
  readonly faultAtMs: number;
  readonly endedAtMs: number;
  readonly steadyAtMs: number;
  /** Every proxy of the plan: those that are to feel the fault, and those that only tell. Sorted by key. */
  readonly proxies: ReadonlyMap<string, ProxyRun>;
  /** Newest change of each probe, in the phase under way. */
  readonly probes: ReadonlyMap<string, Exclude<ProbeView['state'], 'waiting'>>;
  readonly measured: readonly ProbeMeasure[];
  /** Turned away by the callers' breakers since the fault, as it was last written down; undefined while nothing was. */
  readonly overflows: number | undefined;
  /** What the callers' proxies reported while the fault lasted; empty before its end. */
  readonly traffic: readonly ProxyTraffic[];
  /** What `measured` said of the phase; undefined before. */
  readonly heldBefore: boolean | undefined;
  readonly heldAfter: boolean | undefined;
  /** A probe left its tolerance while the fault lasted. */
  readonly deviated: boolean;
  /** Names of alerts that fired since the fault was laid. */
  readonly alerts: ReadonlySet<string>;
  /** How often the control plane found it unfinished. */
  readonly restarts: number;
}

export interface ProxyRun {
  /** It is to feel the fault; otherwise it only tells of its requests. */
  readonly strikes: boolean;
  readonly looked: boolean;
  readonly progress: ProxyProgress['state'];
  readonly wasEffective: boolean;
  /** `lift`: something lies on it. `look`: it was lifted, and nobody has seen that yet. */
  readonly owes: 'nothing' | 'lift' | 'look';
  /** Resources that differ afterwards; undefined where nobody compared. */
  readonly differs: readonly string[] | undefined;
  readonly why: string;
}

export interface Ending {
  readonly kind: 'deadline' | 'aborted' | 'failed';
  readonly reason: string;
}

export function planRun(event: Extract<RunEvent, { kind: 'planned' }>): Run {
  const { drill, number, plan, by } = event;
  const idle = { looked: false, wasEffective: false, owes: 'nothing', differs: undefined, why: '' } as const;
  const keys = [...plan.view.touches, ...watchesOf(plan)].map(({ proxy }) => proxy).sort(compareText);
  const struck = new Set(plan.view.touches.map(({ proxy }) => proxy));
  return {
    drill,
    number,
    plan,
    plannedBy: by,
    approvedBy: '',
    approvedAtMs: 0,
    startedBy: '',
    haltedBy: '',
    stage: 'planned',
    ending: undefined,
    quiet: false,
    startedAtMs: 0,
    faultAtMs: 0,
    endedAtMs: 0,
    steadyAtMs: 0,
    proxies: new Map(keys.map((key) => [key, { ...idle, strikes: struck.has(key), progress: 'planned' }])),
    probes: new Map(),
    measured: [],
    overflows: undefined,
    traffic: [],
    heldBefore: undefined,
    heldAfter: undefined,
    deviated: false,
    alerts: new Set(),
    restarts: 0,
  };
}

/** It was started and is not over: it may hold layers, and counts against the house rules. */
export function isActive({ stage }: Run): boolean {
  return stage !== 'planned' && stage !== 'approved' && stage !== 'over';
}

export function owing({ proxies }: Run): readonly string[] {
  return [...proxies].filter(([, { owes }]) => owes !== 'nothing').map(([key]) => key);
}

export function phaseOf({ stage, ending, proxies }: Run): DrillPhase {
  switch (stage) {
    case 'planned':
    case 'approved':
      return stage;
    case 'before':
    case 'during':
      return 'running';
    case 'withdrawing':
      return ending?.kind === 'deadline' ? 'recovering' : 'aborting';
    case 'after':
    case 'closing':
      return 'recovering';
    case 'over':
      if ([...proxies.values()].some(({ differs = [] }) => differs.length > 0)) return 'failed';
      if (ending?.kind === 'deadline') return 'completed';
      return ending?.kind === 'failed' ? 'failed' : 'aborted';
  }
}

/** Whether anybody owes: it is asked with every proxy that is settled, so no list is made. */
export function isOwed({ proxies }: Run): boolean {
  for (const { owes } of proxies.values()) if (owes !== 'nothing') return true;
  return false;
}

/** Proxies that tell of their requests while the run lasts, and the key for it. */
export function watchesOf({ view }: DrillPlan): readonly PlannedProxy[] {
  return view.watches ?? [];
}
