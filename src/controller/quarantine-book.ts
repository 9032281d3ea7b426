/**
 * All quarantines that stand, and the alarms that were heard: a value; each act returns the next.
 *
 *   begin, hear ──▶ standing ──release, or its end──▶ gone
 *
 * An alarm is a machine's, and machines say things twice: the same alarm cuts off once, and not again after somebody has
 * released it. It prolongs nothing either. A person who begins a quarantine anew changes it.
 */
import { contentHash } from '../model/canonical-json.ts';
import type { Quarantine } from '../model/quarantine.ts';

/** Most quarantines that stand at once: each is a line in the rules of every peer. */
export const quarantinesMax = 256;
/** How old an alarm may be, and how far ahead of our clock, in ms; what is older may have been judged and forgotten. */
export const alarmAgeMaxMs = 300_000;
/** Most alarms that are remembered; beyond it none is taken until the oldest is too old to be heard again. */
export const alarmsMax = 4_096;

export interface QuarantineBook {
  readonly standing: readonly Quarantine[];
  /** Those that could still be said again, each with the epoch ms from which it could not. */
  readonly heard: readonly HeardAlarm[];
}

export interface HeardAlarm {
  /** Hash of sender and name of the alarm: a full book of them must fit into one Secret. */
  readonly id: string;
  readonly forgetMs: number;
}

export const emptyBook: QuarantineBook = { standing: [], heard: [] };

export type BookStep =
  | { readonly kind: 'done'; readonly book: QuarantineBook; readonly quarantine: Quarantine }
  /** Nobody more is cut off, and the book may remember an alarm more; without `quarantine` what the alarm began is over. */
  | { readonly kind: 'nothing-new'; readonly book: QuarantineBook; readonly quarantine?: Quarantine }
  | { readonly kind: 'refused'; readonly code: 'full' | 'stale'; readonly message: string; readonly advice: string };

/** By a person: in the place of the one that stands, if one does. */
export function begin(book: QuarantineBook, quarantine: Quarantine): BookStep {
  const others = book.standing.filter(({ spiffeId }) => spiffeId !== quarantine.spiffeId);
  if (others.length >= quarantinesMax) return full;
  return { kind: 'done', quarantine, book: { ...book, standing: [...others, quarantine] } };
}

/** @param atMs epoch ms at which the alarm was raised, as its sender says. */
export function hear(
  book: QuarantineBook,
  alarm: { readonly id: string; readonly atMs: number },
  quarantine: Quarantine,
  nowMs: number,
): BookStep {
  const { heard } = book;
  const id = contentHash(alarm.id);
  const stands = book.standing.find(({ spiffeId }) => spiffeId === quarantine.spiffeId);
  if (heard.some((each) => each.id === id)) {
    return { kind: 'nothing-new', book, ...(stands === undefined ? {} : { quarantine: stands }) };
  }
  if (Math.abs(nowMs - alarm.atMs) > alarmAgeMaxMs) return stale;
  if (heard.length >= alarmsMax) return full;
  const remembered = { ...book, heard: [...heard, { id, forgetMs: alarm.atMs + alarmAgeMaxMs }] };
  return stands === undefined
    ? begin(remembered, quarantine)
    : { kind: 'nothing-new', quarantine: stands, book: remembered };
}

/** @returns undefined where it does not stand. */
export function release(book: QuarantineBook, spiffeId: string): QuarantineBook | undefined {
  const standing = book.standing.filter((each) => each.spiffeId !== spiffeId);
  return standing.length === book.standing.length ? undefined : { ...book, standing };
}

/** @returns the very same book where nothing is over. */
export function pass(
  book: QuarantineBook,
  nowMs: number,
): { readonly book: QuarantineBook; readonly ended: readonly Quarantine[] } {
  const ended = book.standing.filter(({ untilMs }) => untilMs <= nowMs);
  const heard = book.heard.filter(({ forgetMs }) => nowMs <= forgetMs);
  if (ended.length === 0 && heard.length === book.heard.length) return { book, ended };
  return { book: { standing: book.standing.filter(({ untilMs }) => nowMs < untilMs), heard }, ended };
}

const full: BookStep = {
  kind: 'refused',
  code: 'full',
  message: `no more than ${quarantinesMax} quarantines stand at once, nor are more than ${alarmsMax} alarms taken in ${alarmAgeMaxMs / 60_000} minutes`,
  advice: 'release what is no longer needed, or take the workloads out of the mesh',
};

const stale: BookStep = {
  kind: 'refused',
  code: 'stale',
  message: `the alarm is more than ${alarmAgeMaxMs / 60_000} minutes from now, so it may have been judged before`,
  advice: 'set the clocks of both machines, and have the alarm sent when it is raised; a person can quarantine by hand',
};
