/**
 * How a replica comes to lead, stays so, and knows when it no longer does: a pure machine over one Lease.
 *
 *   reading ──nobody has renewed for as long as the Lease says──▶ taking ──done──▶ leading ──renewing every 2 s──▶ …
 *      ▲                                                                              │ 10 s without an answer
 *      └────────────────────────── somebody else's, or out of time ───────────────────┘
 *
 * A leader leads for 10 s from when it *sent* the renewal that was answered last; another takes the Lease no sooner than
 * 15 s after it *first saw* the version that this renewal made. Each measures with its own clock that does not go back,
 * so no two lead at once while one's second is no longer than one and a half of another's.
 * The surprise is the term: the revision of the cluster that the Lease was at when it was taken. It is replaced by
 * comparing that very revision, so two cannot have the same one, and a Lease that somebody deleted, which would count its
 * transitions from the beginning, goes on from there: revisions of a cluster never go back, unless its etcd is restored.
 * For that the term written in the Lease and the highest that was ever seen count, too.
 */
import type { Outcome } from '../objects.ts';
import { isTerm, type LeaseRecord, type LeaseVersion, readLease } from './lease-object.ts';

/** Who we are: no two processes ever have the same one, not even under one replica's name. */
export interface Candidate {
  readonly identity: string;
  /** Where peers reach us. */
  readonly address?: string;
}

export interface Election {
  /** To be asked next, and whether at once. */
  readonly next: Ask;
  readonly isHasty: boolean;
  readonly seen?: SeenLease;
  /** While we lead, and until we notice that we do no more: see `termAt`. */
  readonly held?: { readonly term: number; readonly untilMs: number };
  /** Highest term that was ever seen. */
  readonly termMax: number;
}

export interface SeenLease {
  readonly lease: LeaseVersion;
  /** When this version was first seen, in ms of our clock. */
  readonly sinceMs: number;
}

export type Ask =
  | { readonly kind: 'read' }
  /** There is none. */
  | { readonly kind: 'make'; readonly record: LeaseRecord }
  | { readonly kind: 'take' | 'renew'; readonly record: LeaseRecord; readonly over: LeaseVersion };

/** How long others respect our Lease from when they see it, in ms. This and the next two are client-go's defaults. */
const leaseMs = 15_000;
/** How long we believe to lead from when we sent what was answered last, in ms. */
const leadMs = 10_000;
/** Between two looks, in ms; up to a fifth more, so that replicas do not come in step. */
export const retryMs = 2_000;
/** How long others respect a Lease that was given back, in ms: a Lease knows only whole seconds. */
const releasedMs = 1_000;

export const startElection: Election = { next: { kind: 'read' }, isHasty: true, termMax: 0 };

/** @returns undefined where we do not lead. */
export function termAt({ held }: Election, nowMs: number): number | undefined {
  return held !== undefined && nowMs < held.untilMs ? held.term : undefined;
}

/** What somebody else's Lease says, while it is to be respected. */
export function leaderAt({ seen }: Election, { identity }: Candidate, nowMs: number): LeaseVersion | undefined {
  if (seen === undefined || isOver(seen, nowMs)) return undefined;
  const { holder, term } = seen.lease;
  return holder === '' || holder === identity || term === 0 ? undefined : seen.lease;
}

/** @param sentMs when it was asked, @param nowMs when the answer came; both in ms of our clock. */
export function hear(
  state: Election,
  outcome: Outcome,
  who: Candidate,
  { sentMs, nowMs }: { readonly sentMs: number; readonly nowMs: number },
): Election {
  const { next: asked } = state;
  // What ran out before the answer came does not come back: whoever asked meanwhile was told that we do not lead.
  const before = termAt(state, nowMs) === undefined ? lost(state) : state;
  switch (outcome.kind) {
    case 'done': {
      const after = see(before, readLease(outcome.object), nowMs);
      if (asked.kind === 'read') return decide(after, who, nowMs);
      if (asked.kind === 'take') return lead(after, asked.record.term, sentMs);
      // Of one that we made we are the holder only where we led already.
      if (after.held !== undefined) return lead(after, after.held.term, sentMs);
      return { ...after, next: { kind: 'read' }, isHasty: false };
    }
    case 'missing': {
      const { seen: _gone, ...rest } = before;
      return { ...rest, next: { kind: 'make', record: recordOf(before, who) }, isHasty: asked.kind !== 'make' };
    }
    case 'conflict':
      return { ...before, next: { kind: 'read' }, isHasty: asked.kind === 'renew' };
    case 'refused':
    case 'unanswered':
      return before.held !== undefined && asked.kind === 'renew'
        ? { ...before, isHasty: false }
        : { ...before, next: { kind: 'read' }, isHasty: false };
  }
}

/** What gives it back; we do not lead from here on, whether it is written or not. */
export function release(state: Election): { readonly state: Election; readonly ask?: Ask } {
  const { held, seen } = state;
  if (held === undefined || seen === undefined) return { state: lost(state) };
  const { transitions, term } = seen.lease;
  const record = { holder: '', durationMs: releasedMs, transitions, term };
  return { state: lost(state), ask: { kind: 'renew', record, over: seen.lease } };
}

function see(state: Election, lease: LeaseVersion, nowMs: number): Election {
  const isSame = state.seen?.lease.resourceVersion === lease.resourceVersion;
  const seen = { lease, sinceMs: isSame && state.seen !== undefined ? state.seen.sinceMs : nowMs };
  return { ...state, seen, termMax: Math.max(state.termMax, lease.term) };
}

/** What follows from a Lease that was just read. */
function decide(state: Election, who: Candidate, nowMs: number): Election {
  const { seen, held } = state;
  if (seen === undefined) return state;
  const { lease } = seen;
  const isOurs = lease.holder === who.identity;
  if (held !== undefined && isOurs) {
    return { ...state, next: { kind: 'renew', record: recordOf(state, who), over: lease }, isHasty: true };
  }
  const rest = lost(state);
  const term = Math.max(Number(lease.resourceVersion), lease.term + 1, state.termMax + 1);
  if ((!isOurs && !isOver(seen, nowMs)) || !isTerm(term)) return { ...rest, next: { kind: 'read' }, isHasty: false };
  const record = { holder: who.identity, durationMs: leaseMs, transitions: lease.transitions + 1, term };
  return { ...rest, next: { kind: 'take', record: withAddress(record, who), over: lease }, isHasty: true };
}

/** After a write of ours was answered. */
function lead(state: Election, term: number, sentMs: number): Election {
  const { seen } = state;
  if (seen === undefined) return state;
  const { holder, durationMs, transitions, address } = seen.lease;
  const record = { holder, durationMs, transitions, term, ...(address === undefined ? {} : { address }) };
  return {
    ...state,
    held: { term, untilMs: sentMs + leadMs },
    next: { kind: 'renew', record, over: seen.lease },
    isHasty: false,
  };
}

/** As we would write it now: held by us if we lead, else by nobody, for as long as a leader may not have noticed. */
function recordOf({ held, seen, termMax }: Election, who: Candidate): LeaseRecord {
  const transitions = seen?.lease.transitions ?? 0;
  if (held === undefined) return { holder: '', durationMs: leaseMs, transitions, term: termMax };
  return withAddress({ holder: who.identity, durationMs: leaseMs, transitions, term: held.term }, who);
}

function withAddress(record: LeaseRecord, { address }: Candidate): LeaseRecord {
  return address === undefined ? record : { ...record, address };
}

function isOver({ lease, sinceMs }: SeenLease, nowMs: number): boolean {
  return nowMs >= sinceMs + lease.durationMs;
}

function lost({ held: _over, ...rest }: Election): Election {
  return rest;
}
