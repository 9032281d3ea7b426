/**
 * What became of many calls, as few lines: calls that are alike, and judged alike, are one group with an example.
 *
 *   call, verdict now, verdict with the change ──▶ counts ──▶ groups of what flips, or may flip
 *                                     └──▶ recorded otherwise than today's code judges: drift
 */
import { formatSourceRef } from '../model/source-ref.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';
import { tellReason } from '../policy/tell-reason.ts';
import type { Hinge } from './partial-judge.ts';
import { pathShape } from './path-shape.ts';
import type { RecordedCall } from './recorded-call.ts';
import type { Replay, Verdict } from './replay.ts';
import { passes, type VerdictChange, verdictChange } from './verdict-change.ts';

export interface Group {
  /** SPIFFE ID. */
  readonly caller: string;
  /** `tenant/service:port`. */
  readonly destination: string;
  /** Absent of a connection. */
  readonly method?: string;
  /** See `path-shape.ts`. */
  readonly path?: string;
  readonly crossTenant: boolean;
  readonly before: string;
  readonly after: string;
  /** What would settle it; empty where it is known. */
  readonly asks: readonly string[];
  /** Records. */
  readonly seen: number;
  /** Requests that they stand for. */
  readonly standsFor: number;
  /** Id of one of them, for `coffre explain`. */
  readonly example: string;
}

/** Of a record that says otherwise than the mesh as it is now would. */
export interface Drift extends Omit<Group, 'crossTenant' | 'before' | 'after' | 'asks'> {
  readonly recorded: string;
  readonly now: string;
  /** By which a worker judged the example. */
  readonly revision?: string;
}

export interface ReplayReport {
  readonly judged: { readonly allowed: number; readonly refused: number; readonly allowedStandFor: number };
  /** Calls to what neither mesh has: a pod that is gone. */
  readonly gone: number;
  readonly changes: Readonly<Record<VerdictChange, number>>;
  readonly groups: Readonly<Record<Exclude<VerdictChange, 'same'>, readonly Group[]>>;
  /** Of them, what comes, or may come, from one tenant into another. */
  readonly opened: number;
  readonly mayOpen: number;
  readonly unknownNow: number;
  readonly drifted: number;
  readonly drift: readonly Drift[];
  /** Records that are counted above and stand in no group, for lack of room. */
  readonly ungrouped: number;
}

/** Most groups that are kept, of changes and of drift each; what is more is counted. */
const groupsMax = 2_000;

/** A group that still grows. */
type Open<T> = Omit<T, 'seen' | 'standsFor'> & { seen: number; standsFor: number };

export class ReplayTally {
  readonly #before: Replay;
  readonly #after: Replay;
  readonly #groups = new Map<
    string,
    { readonly change: Exclude<VerdictChange, 'same'>; readonly group: Open<Group> }
  >();
  readonly #drift = new Map<string, { readonly group: Open<Drift> }>();
  readonly #changes: Record<VerdictChange, number> = {
    same: 0,
    'newly-denied': 0,
    'newly-allowed': 0,
    'may-be-allowed': 0,
    'may-be-denied': 0,
    'may-be-either': 0,
  };
  readonly #judged = { allowed: 0, refused: 0, allowedStandFor: 0 };
  #gone = 0;
  #opened = 0;
  #mayOpen = 0;
  #unknownNow = 0;
  #drifted = 0;
  #ungrouped = 0;

  constructor(before: Replay, after: Replay) {
    this.#before = before;
    this.#after = after;
  }

  add(call: RecordedCall): void {
    const [before, after] = [this.#before.judge(call), this.#after.judge(call)];
    if (before.kind === 'nobody' && after.kind === 'nobody') {
      this.#gone += 1;
      return;
    }
    if (call.verdict === 'allow') {
      this.#judged.allowed += 1;
      this.#judged.allowedStandFor += call.standsFor;
    } else this.#judged.refused += 1;
    if (before.kind === 'unknown') this.#unknownNow += 1;
    const change = verdictChange(before, after);
    this.#changes[change] += 1;
    if (change !== 'same') this.#addChange(change, call, before, after);
    const passed = passes(before);
    if (passed !== undefined && (passed !== (call.verdict === 'allow') || call.verdict === 'unavailable')) {
      this.#addDrift(call, before);
    }
  }

  report(): ReplayReport {
    const groupsOf = (wanted: VerdictChange) =>
      byWeight([...this.#groups.values()].filter(({ change }) => change === wanted).map(({ group }) => group));
    return {
      judged: { ...this.#judged },
      gone: this.#gone,
      changes: { ...this.#changes },
      groups: {
        'newly-denied': groupsOf('newly-denied'),
        'newly-allowed': groupsOf('newly-allowed'),
        'may-be-allowed': groupsOf('may-be-allowed'),
        'may-be-denied': groupsOf('may-be-denied'),
        'may-be-either': groupsOf('may-be-either'),
      },
      opened: this.#opened,
      mayOpen: this.#mayOpen,
      unknownNow: this.#unknownNow,
      drifted: this.#drifted,
      drift: byWeight([...this.#drift.values()].map(({ group }) => group)),
      ungrouped: this.#ungrouped,
    };
  }

  #addChange(change: Exclude<VerdictChange, 'same'>, call: RecordedCall, before: Verdict, after: Verdict): void {
    const crossTenant = this.#crossesTenants(call);
    if (crossTenant && change === 'newly-allowed') this.#opened += 1;
    if (crossTenant && (change === 'may-be-allowed' || change === 'may-be-either')) this.#mayOpen += 1;
    const [was, is] = [verdictText(before), verdictText(after)];
    const asks = [...new Set([before, after].flatMap(hingesOf).flatMap((hinge) => hinge.asks))].sort();
    const group = { ...this.#who(call), crossTenant, before: was, after: is, asks };
    this.#count(this.#groups, JSON.stringify([change, group]), call, (seen) => ({
      change,
      group: { ...group, ...seen },
    }));
  }

  #addDrift(call: RecordedCall, before: Verdict): void {
    this.#drifted += 1;
    const recorded = call.verdict === 'allow' ? 'allowed' : `${call.verdict}: ${call.reason}`;
    const drift = { ...this.#who(call), recorded, now: verdictText(before) };
    const revision = call.revision === undefined ? {} : { revision: call.revision };
    this.#count(this.#drift, JSON.stringify(drift), call, (seen) => ({ group: { ...drift, ...revision, ...seen } }));
  }

  #count<Kept extends { readonly group: { seen: number; standsFor: number } }>(
    kept: Map<string, Kept>,
    key: string,
    { id, standsFor }: RecordedCall,
    make: (seen: { seen: number; standsFor: number; example: string }) => Kept,
  ): void {
    const known = kept.get(key);
    if (known !== undefined) {
      known.group.seen += 1;
      known.group.standsFor += standsFor;
    } else if (kept.size < groupsMax) kept.set(key, make({ seen: 1, standsFor, example: id }));
    else this.#ungrouped += 1;
  }

  #who(call: RecordedCall) {
    const { caller, request, target } = call;
    const dialled = target.kind === 'workload' ? target.workload : target.service;
    const destination =
      this.#after.destinationOf(call) ?? this.#before.destinationOf(call) ?? `${dialled}:${target.port}`;
    if (request === undefined) return { caller, destination };
    return { caller, destination, method: request.method, path: pathShape(request.path) };
  }

  #crossesTenants({ caller, target }: RecordedCall): boolean {
    const parsed = parseSpiffeId(caller);
    const [owner] = (target.kind === 'workload' ? target.workload : target.service).split('/');
    return parsed.kind === 'refused' || parsed.id.namespace !== owner;
  }
}

function byWeight<T extends { readonly seen: number; readonly example: string }>(groups: readonly T[]): readonly T[] {
  return groups.toSorted((left, right) => right.seen - left.seen || (left.example < right.example ? -1 : 1));
}

function hingesOf(verdict: Verdict): readonly Hinge[] {
  return verdict.kind === 'unknown' ? verdict.hinges : [];
}

/** With file and line of what decides. */
function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'allow':
      return `allowed: \`${verdict.rule.name}\` (${formatSourceRef(verdict.rule.where)})`;
    case 'deny':
      return `denied: ${tellReason(verdict.reason).sentence}`;
    case 'nobody':
      return 'closed: no workload declares this port';
    case 'unknown':
      return `unknown: it hangs on ${verdict.hinges.map(hingeText).join(' and ')}`;
  }
}

function hingeText({ effect, rule }: Hinge): string {
  return `\`${rule.name}\` (${formatSourceRef(rule.where)}), which may ${effect} it`;
}
