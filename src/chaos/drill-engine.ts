/**
 * What people and doors may ask of the drills, and what they are shown: the face of this room.
 *
 *   plan ──hash──▶ approve (a second person, above a radius) ──▶ start ──▶ running ──▶ aborting ──▶ recovering ──▶ its end
 *
 * Whoever calls has been authenticated already; what an actor may do to which tenant is judged here, once more.
 */
import type { Drill, DrillMethod, ProbePhase } from '../model/drill.ts';
import type { ReportForm, ReportLanguage } from './report/report-form.ts';

export interface DrillEngine {
  /** Resolves targets and says what would be touched; applies nothing. */
  plan(drill: string, by: Actor): Promise<DrillAnswer<PlanView>>;
  /** @param planHash from a plan: a drill that changed since is not the one that was approved. */
  approve(drill: string, planHash: string, by: Actor): Promise<DrillAnswer<DrillView>>;
  /** Compare-and-set: of two starts of the same plan one wins; the other is answered `conflict`. */
  start(drill: string, planHash: string, by: Actor): Promise<DrillAnswer<DrillView>>;
  /** Always allowed to whoever may see the drill, or feels it; of one that is over, says so. */
  halt(drill: string, by: Actor, reason: string): Promise<DrillAnswer<DrillView>>;
  /** The safety lever: ends every drill in the actor's scope, and those that strike it; with the mesh as scope it also refuses new ones until `release`. */
  haltAll(by: Actor, reason: string): Promise<DrillAnswer<readonly DrillView[]>>;
  release(by: Actor): Promise<DrillAnswer<{ readonly released: true }>>;
  /** Every drill that was ever started and is still in the journal, newest first, and those declared and never started. */
  list(by: Actor): readonly DrillView[];
  /** One run with its timeline. */
  show(drill: string, by: Actor): DrillAnswer<DrillRecord>;
  /** The same run as people who were not there read it, with what else was recorded meanwhile; signed. */
  report(drill: string, by: Actor, form: ReportForm, language: ReportLanguage): Promise<DrillAnswer<SignedReport>>;
  /** An alert from outside, such as Alertmanager's webhook. */
  alert(alert: Alert): void;
}

export interface Actor {
  /** As a person's certificate says, or `owner` for whoever holds the state folder. */
  readonly name: string;
  /** Undefined: the whole mesh. */
  readonly tenant: string | undefined;
  /** May plan, approve and start; halting needs less. */
  readonly mayStrike: boolean;
}

export interface Alert {
  readonly name: string;
  readonly state: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  /** Epoch ms, as the sender says; absent where it says nothing. */
  readonly startsAtMs?: number;
  /** Drills of this tenant hear it and no others: who speaks for one tenant ends nobody else's. Absent: every drill does. */
  readonly tenant?: string;
}

export type DrillAnswer<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | {
      /** `refused`: the rules say no; `conflict`: it is not in the phase for that; `store`: the journal cannot be written. */
      readonly kind: 'not-found' | 'refused' | 'conflict' | 'store';
      readonly message: string;
      readonly advice: string;
    };

export type DrillPhase =
  | 'declared'
  | 'planned'
  | 'approved'
  | 'running'
  | 'aborting'
  | 'recovering'
  | 'completed'
  | 'aborted'
  | 'failed';

export interface PlanView {
  readonly drill: string;
  /** Names exactly this drill, these targets and these keys. */
  readonly hash: string;
  readonly method: DrillMethod;
  readonly needsSecondPerson: boolean;
  /** Sorted by proxy. */
  readonly touches: readonly PlannedProxy[];
  /** Sorted by proxy: those that tell of each request of the edge while the drill lasts, which is no fault. Absent where no probe needs it. */
  readonly watches?: readonly PlannedProxy[];
  /** Callers of the edge that stay as they are. */
  readonly control: readonly string[];
  /** Proxies that would have been touched and cannot be, and why. */
  readonly excluded: readonly { readonly proxy: string; readonly why: string }[];
  /** What the author should know, such as what outlier detection would eject and when panic is reached. */
  readonly notes: readonly string[];
}

export interface PlannedProxy {
  /** Workload key. */
  readonly proxy: string;
  /** Runtime keys and values, sorted by key. */
  readonly keys: readonly { readonly key: string; readonly value: number }[];
}

export interface DrillView {
  readonly drill: string;
  readonly tenant: string;
  /** Tenant that feels the drill of another: of all else there is only what concerns this one. Absent: it is whole. */
  readonly boundedTo?: string;
  readonly phase: DrillPhase;
  /** Why it ended or ends; empty while it does not. */
  readonly reason: string;
  readonly startedBy: string;
  readonly approvedBy: string;
  /** Epoch ms; 0 where it has not come to that. */
  readonly startedAtMs: number;
  readonly faultAtMs: number;
  readonly deadlineMs: number;
  readonly endedAtMs: number;
  readonly proxies: readonly ProxyProgress[];
  readonly probes: readonly ProbeView[];
  /** Requests or connections that the callers' breakers turned away since the fault; undefined while nobody has reported. */
  readonly overflows: number | undefined;
  /** Judged at the end. */
  readonly verdict: 'pending' | 'held' | 'deviated' | 'unproven';
}

export interface ProxyProgress {
  readonly proxy: string;
  /** `laid`: sent; `effective`: seen in its runtime; `clean`: seen gone; `expired`: out of reach, and one TTL has passed. */
  readonly state: 'planned' | 'laid' | 'effective' | 'withdrawn' | 'clean' | 'expired' | 'excluded';
  /** Of `excluded`, and of a proxy whose configuration differs afterwards. */
  readonly why: string;
}

export interface ProbeView {
  readonly name: string;
  /** Newest value; undefined before the first. */
  readonly value: number | undefined;
  readonly state: 'waiting' | 'within' | 'breach' | 'silent';
}

export interface DrillRecord extends DrillView {
  readonly hypothesis: string;
  /** As it was planned: risk, radius, bounds, probes and conditions. */
  readonly definition: Drill;
  readonly plannedBy: string;
  /** Empty unless somebody halted it, by itself or with the lever. */
  readonly haltedBy: string;
  readonly plan: PlanView;
  /** Who calls the drilled edge, in the radius and out of it. Sorted by account. */
  readonly callers: readonly CallerAccount[];
  /** What their proxies reported of the edge from the fault until it was withdrawn; empty where nobody has. Sorted by proxy. */
  readonly traffic: readonly ProxyTraffic[];
  /** By phase and probe, in the order of both; a phase that was not reached has none. */
  readonly measured: readonly ProbeMeasure[];
  /** Ascending. */
  readonly timeline: readonly TimelineEntry[];
}

export interface SignedReport {
  readonly text: string;
  /** Detached, over exactly the bytes of `text` in UTF-8: Ed25519, base64. */
  readonly signature: string;
  /** As in the view of the drill: how it went, for whoever reads no text. */
  readonly phase: DrillPhase;
  readonly verdict: DrillView['verdict'];
}

/** One service account that calls the drilled edge, by the workload keys of its proxies. */
export interface CallerAccount {
  /** `tenant/serviceAccount`. */
  readonly account: string;
  /** Those that feel the fault. Sorted. */
  readonly struck: readonly string[];
  /** Those that stay as they are. Sorted. */
  readonly spared: readonly string[];
}

/** Requests or connections of one proxy on the drilled edge. */
export interface ProxyTraffic {
  readonly proxy: string;
  readonly seen: number;
  /** Of those: answered with an error, turned away by the breaker, or never connected. */
  readonly failed: number;
  /** How many proxies of its group its report stands for; 1 where each reports for itself. */
  readonly standsFor: number;
}

/** What one probe saw in one phase. */
export interface ProbeMeasure {
  readonly probe: string;
  readonly phase: ProbePhase;
  /** Answers, breaches among them. */
  readonly answers: number;
  readonly breaches: number;
  /** Undefined where there was no answer. */
  readonly range: { readonly lowest: number; readonly highest: number } | undefined;
}

export interface TimelineEntry {
  /** Epoch ms. */
  readonly atMs: number;
  readonly what: TimelineWord;
  /** Workload key of `proxy-…`, name of the probe of `probe-…`, name of the alert of `alert`; absent elsewhere. */
  readonly about?: string;
  /** One sentence without full stop. */
  readonly text: string;
}

export type TimelineWord =
  | 'planned'
  | 'approved'
  | 'started'
  /** Runtime keys were sent to the first proxy. */
  | 'fault-laid'
  | 'proxy-effective'
  | 'proxy-excluded'
  | 'probe-breach'
  | 'probe-silent'
  /** It fires; whether the drill ends by it or not. */
  | 'alert'
  | 'halt'
  | 'lever'
  | 'consent-withdrawn'
  | 'deadline'
  /** The empty layer was sent to every proxy that can be reached. */
  | 'fault-withdrawn'
  | 'proxy-clean'
  | 'proxy-expired'
  /** Its configuration is not as it was, and no recorded push explains that. */
  | 'proxy-differs'
  /** Every probe of the phase `after` is within its tolerance again. */
  | 'steady'
  /** The control plane came back and found the drill unfinished. */
  | 'found-unfinished'
  /** The journal cannot be written, or another control plane has taken it over. */
  | 'store-failed'
  /** The wall clock leapt. */
  | 'clock-jumped'
  /** The runner stood still for one TTL; every layer was lifted without it. */
  | 'watchdog'
  /** Another replica commands the proxies now, or none does. */
  | 'outranked'
  | 'ended';
