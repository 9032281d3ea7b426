/**
 * The policies a worker judges by: whole revisions only, and how fresh they are.
 *
 *   xDS response ──replace──▶ book ──bookState(now)──▶ programs by workload
 *
 * A value that is replaced at once: a decision is made by one revision from beginning to end.
 */
import type { IdentityProvider } from '../model/snapshot.ts';
import type { Program } from '../policy/program.ts';

export interface ProgramBook {
  /** By workload key. */
  readonly programs: ReadonlyMap<string, Program>;
  /** Of the inputs they were compiled from. */
  readonly revision: string;
  /** Epoch ms at which the control plane last vouched for them. */
  readonly confirmedAtMs: number;
}

/** How long policies are believed without a word from the control plane, in ms: 24 h, the life of a leaf certificate. Beyond it nothing is judged, and every request is answered 503. */
export const programAgeMaxMs = 24 * 3_600_000;

/** How far ahead of our clock a confirmation may lie, in ms: a clock that was set back a little. Further, its age is unknown, and so is whether it may be believed. */
export const clockStepMaxMs = 60_000;

export type BookState =
  | { readonly kind: 'fresh'; readonly book: ProgramBook }
  | { readonly kind: 'none' }
  | { readonly kind: 'too-old'; readonly confirmedAtMs: number };

export function bookState(book: ProgramBook | undefined, nowMs: number): BookState {
  if (book === undefined) return { kind: 'none' };
  const { confirmedAtMs } = book;
  const ageMs = nowMs - confirmedAtMs;
  if (ageMs > programAgeMaxMs || ageMs < -clockStepMaxMs) return { kind: 'too-old', confirmedAtMs };
  return { kind: 'fresh', book };
}

/** Every provider that some policy believes, each as often as a program names it. */
export function providersIn(book: ProgramBook | undefined): readonly IdentityProvider[] {
  const ports = [...(book?.programs.values() ?? [])].flatMap((program) => [...program.ports.values()]);
  // The ports of one program share one list.
  return [...new Set(ports.map(({ identityProviders = [] }) => identityProviders))].flat();
}
