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
 * Where there is no Lease, somebody may have deleted a leader's, which may not have noticed: so one is made that nobody may
 * take for those 15 s. Only in a mesh where nobody can ever have led it is free from the beginning.
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

export interface Heard {
  /** When it was asked, in ms of our clock. */
  readonly sentMs: number;
  /** When the answer came. */
  readonly nowMs: number;
  /** Nobody can ever have led: a Lease that is missing was never there. */
  readonly isNewMesh: boolean;
}

export function hear(state: Election, outcome: Outcome, who: Candidate, { sentMs, nowMs, isNewMesh }: Heard): Election {
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
      return { ...after, next: { kind: 'read' }, isHasty: asked.kind === 'make' && asked.record.durationMs === 0 };
    }
    case 'missing': {
      const { seen: _gone, ...rest } = before;
      const record = recordOf(before, who, isNewMesh ? 0 : leaseMs);
      return { ...rest, next: { kind: 'make', record }, isHasty: asked.kind !== 'make' };
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

/** Whether the Lease may be ours: we led, or asked for it and have not heard. */
export function mayHold({ held, next }: Election): boolean {
  return held !== undefined || next.kind === 'take';
}

/** We lead no more. */
export function lost({ held: _over, ...rest }: Election): Election {
  return rest;
}

/** What gives the Lease back, as it was just read; nothing where it is not ours. To be asked by who leads no more. */
export function release(lease: LeaseVersion, { identity }: Candidate): Ask | undefined {
  if (lease.holder !== identity) return undefined;
  const { transitions, term } = lease;
  return { kind: 'renew', record: { holder: '', durationMs: 0, transitions, term }, over: lease };
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
    return { ...state, next: { kind: 'renew', record: recordOf(state, who, leaseMs), over: lease }, isHasty: true };
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

/** As we would write it now: held by us if we lead, else by nobody. @param unheldMs how long it is nobody's then. */
function recordOf({ held, seen, termMax }: Election, who: Candidate, unheldMs: number): LeaseRecord {
  const transitions = seen?.lease.transitions ?? 0;
  if (held === undefined) return { holder: '', durationMs: unheldMs, transitions, term: termMax };
  return withAddress({ holder: who.identity, durationMs: leaseMs, transitions, term: held.term }, who);
}

function withAddress(record: LeaseRecord, { address }: Candidate): LeaseRecord {
  return address === undefined ? record : { ...record, address };
}

function isOver({ lease, sinceMs }: SeenLease, nowMs: number): boolean {
  return nowMs >= sinceMs + lease.durationMs;
}
