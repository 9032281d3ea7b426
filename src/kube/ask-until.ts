/**
 * Asks until an answer is final or the time is up, which a signal says: each wait longer than the one before, and spread.
 *
 *   ask ──final?──▶ outcome        else wait ──▶ ask ──▶ …        time is up ──▶ the last outcome, whatever it is
 */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { backoffMs, type InformTimings, informTimings } from './inform/timings.ts';
import type { Outcome } from './objects.ts';

export interface Asking {
  isFinal(outcome: Outcome): boolean;
  /** Ends the waiting, and not the question that is under way. */
  readonly signal: AbortSignal;
  /** Default: as for a list and watch. */
  readonly waits?: Pick<InformTimings, 'backoffMs' | 'backoffMaxMs' | 'retryAfterMaxMs'>;
  /** From 0 to below 1. */
  readonly random?: () => number;
  /** @returns early where the signal is aborted; must not throw. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** @param ask at least once. */
export async function askUntil(
  ask: () => Promise<Outcome>,
  { isFinal, signal, waits = informTimings, random = Math.random, sleep = sleepUnless }: Asking,
): Promise<Outcome> {
  for (let asked = 1; ; asked += 1) {
    const outcome = await ask();
    if (isFinal(outcome) || signal.aborted) return outcome;
    const { retryAfterMs = 0 } = outcome.kind === 'unanswered' ? outcome : {};
    await sleep(Math.max(backoffMs(waits, asked, random()), Math.min(retryAfterMs, waits.retryAfterMaxMs)), signal);
    if (signal.aborted) return outcome;
  }
}

async function sleepUnless(ms: number, signal: AbortSignal): Promise<void> {
  await sleepFor(ms, undefined, { signal }).catch(() => undefined);
}
