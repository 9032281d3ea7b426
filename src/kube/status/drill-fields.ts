/** How far a drill has come, as its `status` says it: what `coffre drill show` tells, in fields. */
import { timeText } from './condition.ts';

/** What the engine tells of one drill. */
export interface DrillProgress {
  readonly phase: string;
  /** Why it ended, or ends; empty while it does not. */
  readonly reason: string;
  readonly verdict: string;
  readonly plannedBy: string;
  readonly approvedBy: string;
  readonly startedBy: string;
  /** Epoch ms; 0 where it has not come to that. */
  readonly startedAtMs: number;
  readonly faultAtMs: number;
  readonly deadlineMs: number;
  readonly endedAtMs: number;
  /** Names the plan, and by it the run: no two runs are of one plan. Empty before it was planned. */
  readonly planHash: string;
}

/** As the definition of `Drill` declares it: `status-schema.ts`. Whatever has not come to be is absent. */
export interface DrillFields {
  readonly phase: string;
  readonly message?: string;
  readonly run?: {
    readonly planHash: string;
    readonly verdict: string;
    readonly plannedBy?: string;
    readonly approvedBy?: string;
    readonly startedBy?: string;
    readonly startedAt?: string;
    readonly faultAt?: string;
    readonly deadline?: string;
    readonly endedAt?: string;
  };
}

/** Longest `message`, in UTF-16 units; `status-schema.ts` takes as much. */
export const drillMessageMax = 2_048;

export function drillFields(progress: DrillProgress): DrillFields {
  const { phase, reason, verdict, planHash, plannedBy, approvedBy, startedBy } = progress;
  const { startedAtMs, faultAtMs, deadlineMs, endedAtMs } = progress;
  return {
    phase,
    ...text('message', reason.slice(0, drillMessageMax)),
    ...(planHash === ''
      ? {}
      : {
          run: {
            ...{ planHash, verdict },
            ...text('plannedBy', plannedBy),
            ...text('approvedBy', approvedBy),
            ...text('startedBy', startedBy),
            ...text('startedAt', moment(startedAtMs)),
            ...text('faultAt', moment(faultAtMs)),
            ...text('deadline', moment(deadlineMs)),
            ...text('endedAt', moment(endedAtMs)),
          },
        }),
  };
}

function text<Name extends string>(name: Name, value: string): Partial<Record<Name, string>> {
  return value === '' ? {} : ({ [name]: value } as Record<Name, string>);
}

function moment(epochMs: number): string {
  return epochMs === 0 ? '' : timeText(epochMs);
}
