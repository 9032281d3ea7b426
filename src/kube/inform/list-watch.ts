/**
 * How one kind is listed and then watched: the protocol as a pure machine, answers in, requests and changes out.
 *
 *   listing ──last page──▶ watching ──cut, silent──▶ waiting ──▶ probing ──the cluster is as new as we──▶ watching
 *      ▲                      │ expired, disordered,                │ it is older than we
 *      └──────────────────────┴─────── too long ago ────────────────┘
 *
 * An error takes nothing away: only a whole list that lacks an object, or a watch that says so, does. A list that holds
 * nothing, or is older than what we know, is asked for once more before it is believed.
 * The surprise is the probe. When etcd is restored from an older copy, a watch that resumes from our newer revision is not
 * refused: it is silent until the cluster has caught up with a history it never had. So before a watch resumes, a list of
 * one object says which revision the cluster is at.
 */
import type { Answer, Change, Item, Request } from './answer.ts';
import type { Failure } from './failure.ts';
import { isNewer } from './revision.ts';
import { backoffMs, type InformTimings } from './timings.ts';

export interface ListWatch<T extends Item> {
  readonly phase: Phase<T>;
  readonly isOptional: boolean;
  /** Newest revision that was seen. */
  readonly resourceVersion?: string;
  /** In a row. */
  readonly failures: number;
  /** The last one, until something works again. */
  readonly failure?: Failure;
  /** Objects to a page. */
  readonly limit: number;
  /** Whether the objects have been whole once. */
  readonly isSynced: boolean;
  readonly relistAtMs: number;
}

type Phase<T extends Item> =
  | {
      readonly kind: 'listing';
      readonly pages: readonly (readonly T[])[];
      /** Of the first page, and so of all. */
      readonly resourceVersion?: string;
      readonly isSecondLook: boolean;
      readonly askedAtMs: number;
    }
  | { readonly kind: 'probing'; readonly askedAtMs: number }
  | { readonly kind: 'watching'; readonly openedAtMs: number; readonly heardAtMs: number; readonly isProven: boolean }
  | { readonly kind: 'waiting'; readonly untilMs: number; readonly next: 'list' | 'probe' };

export interface Step<T extends Item> {
  readonly state: ListWatch<T>;
  readonly changes: readonly Change<T>[];
  /** `cancel`: nothing is to be asked for now. Absent: what is being asked goes on. */
  readonly request?: Request | { readonly kind: 'cancel' };
}

/** What the machine is told beside the answer. */
export interface Moment {
  /** Of a clock that does not go back. */
  readonly nowMs: number;
  /** From 0 to below 1. */
  readonly random: number;
  readonly timings: InformTimings;
  /** What is held now. */
  readonly held: { readonly size: number; versionOf(key: string): string | undefined };
}

/** Objects to a page at first. */
const limitMax = 250;
/** Most objects of one kind. */
const objectsMax = 200_000;
/** So many failures in a row, and a person is told; fewer are everyday life. */
const failuresToTell = 3;
/** After so many failures to resume, everything is listed again: a cluster that can be listed but not watched is polled. */
const failuresToRelist = 5;

export function startListWatch<T extends Item>(isOptional: boolean, { nowMs }: Moment): Step<T> {
  const phase: Phase<T> = { kind: 'listing', pages: [], isSecondLook: false, askedAtMs: nowMs };
  const state = { phase, isOptional, failures: 0, limit: limitMax, isSynced: false, relistAtMs: nowMs };
  return { state, changes: [], request: { kind: 'list', limit: limitMax } };
}

/** @returns nothing while all is well, and while a failure may still be a hiccup. */
export function troubleOf<T extends Item>({
  isSynced,
  failures,
  failure,
  isOptional,
}: ListWatch<T>): Failure | undefined {
  if (isOptional && failure?.kind === 'absent') return undefined;
  return isSynced && failures < failuresToTell ? undefined : failure;
}

/** When the machine wants to know what time it is. */
export function wakeAtMs<T extends Item>({ phase, relistAtMs }: ListWatch<T>, timings: InformTimings): number {
  switch (phase.kind) {
    case 'listing':
    case 'probing':
      return phase.askedAtMs + timings.answerMaxMs;
    case 'watching': {
      const silentAtMs = phase.heardAtMs + timings.silenceMaxMs;
      const provenAtMs = phase.isProven ? silentAtMs : phase.openedAtMs + timings.provenMs;
      return Math.min(silentAtMs, provenAtMs, relistAtMs);
    }
    case 'waiting':
      return phase.untilMs;
  }
}

/** @param input an answer to what was asked last, or `time`. What the phase does not expect changes nothing. */
export function advance<T extends Item>(
  state: ListWatch<T>,
  input: Answer<T> | { readonly kind: 'time' },
  moment: Moment,
): Step<T> {
  const { phase } = state;
  switch (input.kind) {
    case 'time':
      return atTime(state, moment);
    case 'failed':
      return phase.kind === 'waiting' ? still(state) : failed(state, input.failure, moment);
    case 'page':
      if (phase.kind === 'listing') return paged(state, phase, input, moment);
      return phase.kind === 'probing' ? probed(state, input.resourceVersion, moment) : still(state);
    case 'put':
    case 'gone':
    case 'bookmark':
      return phase.kind === 'watching' ? heard(state, phase, input, moment) : still(state);
    case 'ended':
      return phase.kind === 'watching' ? ended(state, phase, moment) : still(state);
  }
}

type PhaseOf<T extends Item, K extends Phase<T>['kind']> = Extract<Phase<T>, { kind: K }>;

function still<T extends Item>(state: ListWatch<T>): Step<T> {
  return { state, changes: [] };
}

function atTime<T extends Item>(state: ListWatch<T>, moment: Moment): Step<T> {
  const { phase } = state;
  const { nowMs, timings } = moment;
  if (nowMs < wakeAtMs(state, timings)) return still(state);
  switch (phase.kind) {
    case 'listing':
    case 'probing':
      return failed(state, unanswered(`no answer within ${timings.answerMaxMs / 1_000} s`), moment);
    case 'watching':
      if (nowMs >= phase.heardAtMs + timings.silenceMaxMs) {
        const text = `the watch was silent for ${timings.silenceMaxMs / 1_000} s, not even a bookmark came`;
        return failed(state, unanswered(text), moment);
      }
      if (nowMs >= state.relistAtMs) return list(state, moment);
      return still(proven(state, { ...phase, isProven: true }));
    case 'waiting':
      return phase.next === 'list' || nowMs >= state.relistAtMs ? list(state, moment) : probe(state, moment);
  }
}

function paged<T extends Item>(
  state: ListWatch<T>,
  phase: PhaseOf<T, 'listing'>,
  page: Extract<Answer<T>, { kind: 'page' }>,
  moment: Moment,
): Step<T> {
  const { resourceVersion, continueToken } = page;
  if (phase.resourceVersion !== undefined && phase.resourceVersion !== resourceVersion) {
    return failed(state, { kind: 'disordered', text: 'the pages of the list are of different revisions' }, moment);
  }
  const pages = [...phase.pages, page.items];
  if (pages.reduce((sum, { length }) => sum + length, 0) > objectsMax) {
    return failed(state, { kind: 'too-large', text: `there are more than ${objectsMax} of them` }, moment);
  }
  if (continueToken !== undefined) {
    const next = { ...phase, pages, resourceVersion, askedAtMs: moment.nowMs };
    return {
      state: { ...state, phase: next },
      changes: [],
      request: { kind: 'list', limit: state.limit, continueToken },
    };
  }
  const items = pages.flat();
  const isOlder = state.resourceVersion !== undefined && isNewer(state.resourceVersion, resourceVersion);
  if ((isOlder || items.length === 0) && !phase.isSecondLook) return list(state, moment, true);
  const { relistMs } = moment.timings;
  const relistAtMs = moment.nowMs + relistMs * (0.8 + 0.4 * moment.random);
  const { failure: _over, ...rest } = state;
  return watch({ ...rest, resourceVersion, relistAtMs, isSynced: true }, resourceVersion, moment, [
    { kind: 'replace', items },
  ]);
}

/** @param current the revision of the cluster. */
function probed<T extends Item>(state: ListWatch<T>, current: string, moment: Moment): Step<T> {
  const { resourceVersion } = state;
  if (resourceVersion === undefined || isNewer(resourceVersion, current)) return list(state, moment);
  return watch(state, resourceVersion, moment, []);
}

function heard<T extends Item>(
  state: ListWatch<T>,
  phase: PhaseOf<T, 'watching'>,
  event: Extract<Answer<T>, { kind: 'put' | 'gone' | 'bookmark' }>,
  moment: Moment,
): Step<T> {
  const { resourceVersion } = event.kind === 'bookmark' ? event : event.item;
  const listened = { ...phase, heardAtMs: moment.nowMs };
  if (state.resourceVersion === undefined || isNewer(resourceVersion, state.resourceVersion)) {
    const next = { ...proven(state, { ...listened, isProven: true }), resourceVersion };
    return { state: next, changes: changesOf(event) };
  }
  if (isKnown(event, moment)) return still({ ...state, phase: listened });
  const text = `revision ${resourceVersion} came after ${state.resourceVersion}`;
  return failed(state, { kind: 'disordered', text }, moment);
}

function changesOf<T extends Item>(event: Extract<Answer<T>, { kind: 'put' | 'gone' | 'bookmark' }>): Change<T>[] {
  switch (event.kind) {
    case 'put':
      return [event];
    case 'gone':
      return [{ kind: 'remove', key: event.item.key }];
    case 'bookmark':
      return [];
  }
}

/** Whether an event of the past tells nothing new: it came twice. Else the stream has lost its order, and with it our trust. */
function isKnown<T extends Item>(
  event: Extract<Answer<T>, { kind: 'put' | 'gone' | 'bookmark' }>,
  { held }: Moment,
): boolean {
  if (event.kind === 'bookmark') return true;
  const version = held.versionOf(event.item.key);
  if (version === undefined) return event.kind === 'gone';
  return !isNewer(event.item.resourceVersion, version);
}

function ended<T extends Item>(state: ListWatch<T>, { isProven }: PhaseOf<T, 'watching'>, moment: Moment): Step<T> {
  // An API server ends every watch after some minutes: nothing is wrong.
  if (isProven) return probe(state, moment);
  return failed(state, unanswered('the watch ended as soon as it had begun'), moment);
}

function failed<T extends Item>(state: ListWatch<T>, failure: Failure, moment: Moment): Step<T> {
  const { nowMs, random, timings } = moment;
  const failures = state.failures + 1;
  const isAbsent = state.isOptional && failure.kind === 'absent' && moment.held.size === 0;
  const askedMs = Math.min(failure.retryAfterMs ?? 0, timings.retryAfterMaxMs);
  const waitMs = isAbsent ? timings.absentLookMs : Math.max(backoffMs(timings, failures, random), askedMs);
  const mustList =
    state.phase.kind === 'listing' ||
    failure.kind === 'expired' ||
    failure.kind === 'disordered' ||
    failures % failuresToRelist === 0;
  return {
    state: {
      ...state,
      failures,
      failure,
      isSynced: state.isSynced || isAbsent,
      limit: failure.kind === 'too-large' ? Math.ceil(state.limit / 2) : state.limit,
      phase: { kind: 'waiting', untilMs: nowMs + waitMs, next: mustList ? 'list' : 'probe' },
    },
    changes: [],
    request: { kind: 'cancel' },
  };
}

function proven<T extends Item>(state: ListWatch<T>, phase: PhaseOf<T, 'watching'>): ListWatch<T> {
  const { failure: _over, ...rest } = state;
  return { ...rest, phase, failures: 0 };
}

function list<T extends Item>(state: ListWatch<T>, { nowMs }: Moment, isSecondLook = false): Step<T> {
  const phase: Phase<T> = { kind: 'listing', pages: [], isSecondLook, askedAtMs: nowMs };
  return { state: { ...state, phase }, changes: [], request: { kind: 'list', limit: state.limit } };
}

function probe<T extends Item>(state: ListWatch<T>, { nowMs }: Moment): Step<T> {
  return { state: { ...state, phase: { kind: 'probing', askedAtMs: nowMs } }, changes: [], request: { kind: 'probe' } };
}

function watch<T extends Item>(
  state: ListWatch<T>,
  resourceVersion: string,
  { nowMs }: Moment,
  changes: readonly Change<T>[],
): Step<T> {
  const phase: Phase<T> = { kind: 'watching', openedAtMs: nowMs, heardAtMs: nowMs, isProven: false };
  return { state: { ...state, phase }, changes, request: { kind: 'watch', resourceVersion } };
}

function unanswered(text: string): Failure {
  return { kind: 'unanswered', text };
}
