/**
 * One identity cut off every peer, for a while: running state, and an input of the snapshot like an object.
 *
 *   quarantines ──standingAt(now)──▶ Snapshot.quarantines ──▶ policies, ways and doors without that identity
 *
 * It is of an identity and not of a pod: what runs under one service account shares a certificate's name, and no peer can
 * tell one from another. The surprise: its end is no condition of any rule. It ends where a control plane looks again and
 * leaves it out, so that with none alive it stands: what was cut off for a reason does not come back by itself.
 */
import { keepUnchanged } from './keep-unchanged.ts';

/** Of a quarantine for which nobody said how long, in ms: long enough for a night and a morning of people. */
export const quarantineDefaultMs = 24 * 3_600_000;
/** Longest, in ms: what is to be gone for good is taken out of the mesh instead. */
export const quarantineMaxMs = 30 * 86_400_000;

/** Name, in Envoy's logs, of what refuses who is cut off. Envoy asks in the order of names: it comes before every rule. */
export const quarantineRule = '0/quarantine';

export interface Quarantine {
  /** Who is cut off: `spiffe://<trust domain>/ns/<tenant>/sa/<service account>`. */
  readonly spiffeId: string;
  readonly tenant: string;
  /** In words of whoever asked for it. */
  readonly reason: string;
  /** Who asked for it, as evidence calls them. */
  readonly by: string;
  /** Epoch ms. */
  readonly sinceMs: number;
  /** Epoch ms from which it is over, once a control plane has looked. */
  readonly untilMs: number;
}

/** By SPIFFE ID, sorted. */
export type Quarantines = ReadonlyMap<string, Quarantine>;

export const noQuarantines: Quarantines = new Map();

/**
 * @param nowMs epoch ms; without it none ends.
 * @param former what is equal to it is taken from there.
 */
export function standingAt(
  quarantines: Iterable<Quarantine>,
  nowMs: number | undefined,
  former: Quarantines = noQuarantines,
): Quarantines {
  const standing = [...quarantines].filter(({ untilMs }) => nowMs === undefined || nowMs < untilMs);
  const sorted = standing.sort((left, right) => (left.spiffeId < right.spiffeId ? -1 : 1));
  return keepUnchanged(former, new Map(sorted.map((each) => [each.spiffeId, each])));
}
