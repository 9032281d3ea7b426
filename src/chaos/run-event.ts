/**
 * What can happen to one run of a drill. The journal holds exactly these, so a run can be told again from any prefix.
 *
 * An acceptance by a proxy is none of them: it is a reason to look, and what is seen in the proxy is the fact.
 */
import type { Drill } from '../model/drill.ts';
import type { ProbeMeasure, ProbeView, ProxyTraffic } from './drill-engine.ts';
import type { DrillPlan } from './plan.ts';

export type RunEvent =
  /** Always the first. */
  | {
      readonly kind: 'planned';
      readonly drill: Drill;
      /** Which run of this drill it is, from 1. */
      readonly number: number;
      readonly plan: DrillPlan;
      readonly by: string;
    }
  | { readonly kind: 'approved'; readonly by: string }
  | { readonly kind: 'started'; readonly by: string }
  /** Their configuration was read before anything was laid on them. */
  | { readonly kind: 'looked'; readonly proxies: readonly string[] }
  /** It cannot be part of the drill; nothing was laid on it. */
  | { readonly kind: 'excluded'; readonly proxy: string; readonly why: string }
  /** A phase of observation came to its end. `failing` names the probes that did not hold; empty if all did. */
  | {
      readonly kind: 'measured';
      readonly phase: 'before' | 'after';
      readonly measures: readonly ProbeMeasure[];
      readonly failing: readonly string[];
      readonly overflows?: Overflows;
    }
  /** What was measured while the fault lasted; comes with the event that ends it. */
  | {
      readonly kind: 'tallied';
      readonly measures: readonly ProbeMeasure[];
      readonly overflows?: Overflows;
      readonly traffic: readonly ProxyTraffic[];
    }
  /** The fault was seen in their runtime. */
  | { readonly kind: 'effective'; readonly proxies: readonly string[] }
  /** The proxy sent a NACK for its layer. */
  | { readonly kind: 'refused'; readonly proxy: string; readonly why: string }
  /** The state of a probe changed. */
  | {
      readonly kind: 'probe';
      readonly probe: string;
      readonly state: Exclude<ProbeView['state'], 'waiting'>;
      /** Absent where it is silent. */
      readonly value?: number;
    }
  /** It fires. `startsAtMs`: since when, epoch ms, as its sender says; absent where it says nothing. */
  | { readonly kind: 'alert'; readonly name: string; readonly startsAtMs?: number }
  | { readonly kind: 'abort'; readonly cause: AbortCause; readonly reason: string; readonly by: string }
  /** The present phase has lasted as long as it may. */
  | { readonly kind: 'deadline' }
  /** Seen without any key of the drill. */
  | { readonly kind: 'clean'; readonly proxies: readonly SeenClean[] }
  /** Out of reach, and one TTL and a margin have passed since the layer was lifted. */
  | { readonly kind: 'expired'; readonly proxies: readonly string[] };

/** Turned away by the callers' breakers since the fault, as far as it was reported by then; absent where nobody has. */
type Overflows = number;

export interface SeenClean {
  readonly proxy: string;
  /** Resources that are not as before and that no recorded push explains; absent where what was before is no longer known. */
  readonly differs?: readonly string[];
}

/** `by` names a person for `halt` and for a `lever` that was not pulled in `Mesh`, and is empty for the rest. */
export type AbortCause =
  | 'halt'
  | 'lever'
  /** Consent was withdrawn, or its window closed; the drill, its target or the house rules changed. */
  | 'consent'
  /** The journal cannot be written. */
  | 'store'
  /** The control plane came back and found the run unfinished. */
  | 'restart'
  /** The wall clock leapt, so nobody can say whether consent still holds. */
  | 'clock'
  /** The runner did not renew within one TTL. */
  | 'watchdog'
  /** Another process commands the proxies now. */
  | 'outranked';
