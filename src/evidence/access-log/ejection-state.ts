/**
 * What is known of one proxy's ejections, and whether it must be looked at again: a value, and how a look changes it.
 *
 *   a failure ──▶ watched ──look──▶ changes … until nothing is ejected and nothing failed for a while ──▶ watched no more
 *
 * Envoy has no gRPC log of ejections, so one is seen by looking; a proxy where nothing fails is never looked at.
 */
import type { Host, Hosts } from './ejected-hosts.ts';

export interface EjectionState {
  /** Epoch ms. */
  readonly failedAtMs: number;
  readonly ejected: ReadonlyMap<string, Host>;
  /** Looks in a row that saw nothing, as nobody answered. */
  readonly blindLooks: number;
}

export interface EjectionChange {
  readonly what: 'ejected' | 'returned';
  readonly host: Host;
}

export type AfterLook =
  | { readonly kind: 'again'; readonly state: EjectionState; readonly changes: readonly EjectionChange[] }
  | { readonly kind: 'clear'; readonly changes: readonly EjectionChange[] }
  /** It does not answer: what became of those that were ejected is not known. */
  | { readonly kind: 'gave-up'; readonly ejected: number };

/**
 * How long after a failure something may yet be ejected for it, in ms. Consecutive failures eject at once, success rates
 * at the interval of outlier detection: one of our own default of 10 s is waited for, and a longer one may be missed.
 */
export const settleMs = 12_000;

/** Looks that may be blind in a row; at one a second and the door's patience, half a minute at least. */
const blindLooksMax = 30;

export function failed(state: EjectionState | undefined, nowMs: number): EjectionState {
  return { ejected: new Map(), blindLooks: 0, ...state, failedAtMs: nowMs };
}

/** @param hosts undefined where the look was blind. */
export function looked(state: EjectionState, hosts: Hosts | undefined, nowMs: number): AfterLook {
  if (hosts === undefined) {
    const blindLooks = state.blindLooks + 1;
    if (blindLooks >= blindLooksMax) return { kind: 'gave-up', ejected: state.ejected.size };
    return { kind: 'again', state: { ...state, blindLooks }, changes: [] };
  }
  const changes: readonly EjectionChange[] = [
    ...changesOf('ejected', hosts.ejected, state.ejected),
    // An endpoint that is there no more did not return: that it went is told by the revision that took it away.
    ...changesOf('returned', state.ejected, hosts.ejected, hosts.all),
  ];
  const isSettled = hosts.ejected.size === 0 && nowMs - state.failedAtMs >= settleMs;
  return isSettled
    ? { kind: 'clear', changes }
    : { kind: 'again', state: { ...state, ejected: hosts.ejected, blindLooks: 0 }, changes };
}

/** Those of `there` that are not in `before`, and are among `known`. */
function changesOf(
  what: EjectionChange['what'],
  there: ReadonlyMap<string, Host>,
  before: ReadonlyMap<string, Host>,
  known: { has(key: string): boolean } = there,
): readonly EjectionChange[] {
  return [...there].flatMap(([key, host]) => (!before.has(key) && known.has(key) ? [{ what, host }] : []));
}
