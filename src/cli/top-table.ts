/**
 * Events counted by who called whom: what an operator looks at first.
 *
 *   events ──▶ rows by edge: requests (estimated from the sample), denied, plaintext, overflows, last, why
 */
import type { EvidenceEvent, Peer } from '../evidence/event.ts';
import { peerText, targetText } from './event-text.ts';

export interface TopRow {
  readonly from: string;
  readonly to: string;
  /** Estimated: each sampled request stands for many. */
  readonly allowed: number;
  readonly denied: number;
  /** Plaintext, failed handshakes, ports that are not declared. */
  readonly attempts: number;
  readonly overflows: number;
  /** Epoch ms. */
  readonly lastMs: number;
  /** Reason of the newest refusal; empty where none was. */
  readonly why: string;
  /** Of that refusal, epoch ms. */
  readonly whyMs: number;
}

/** Rows of one table; an edge beyond them is counted among `others`. */
const rowsMax = 2_000;
const others = 'others';

export class TopTable {
  readonly #rows = new Map<string, TopRow>();

  add(event: EvidenceEvent): void {
    const seen = countsOf(event);
    if (seen === undefined || !('from' in event)) return;
    const [from, to] = [peerText(withoutPort(event.from)) || event.workload || '', targetText(event.to)];
    const known = this.#rows.has(`${from} ${to}`) || this.#rows.size < rowsMax;
    const key = known ? `${from} ${to}` : others;
    const row = this.#rows.get(key) ?? { ...nothing, from: known ? from : others, to: known ? to : '' };
    const why = seen.why !== undefined && event.atMs >= row.whyMs ? { why: seen.why, whyMs: event.atMs } : {};
    this.#rows.set(key, {
      ...row,
      allowed: row.allowed + (seen.allowed ?? 0),
      denied: row.denied + (seen.denied ?? 0),
      attempts: row.attempts + (seen.attempts ?? 0),
      overflows: row.overflows + (seen.overflows ?? 0),
      lastMs: Math.max(row.lastMs, event.atMs),
      ...why,
    });
  }

  /** What was refused first, then what was busiest. */
  rows(): readonly TopRow[] {
    const refused = ({ denied, attempts, overflows }: TopRow) => denied + attempts + overflows;
    return [...this.#rows.values()].sort(
      (left, right) =>
        refused(right) - refused(left) ||
        right.allowed - left.allowed ||
        right.lastMs - left.lastMs ||
        (left.from < right.from ? -1 : 1),
    );
  }
}

/** A stranger comes from another port each time, and is one stranger. */
function withoutPort(peer: Peer): Peer {
  return peer.address === undefined ? peer : { ...peer, address: peer.address.replace(/:\d+$/, '') };
}

const nothing = { from: '', to: '', allowed: 0, denied: 0, attempts: 0, overflows: 0, lastMs: 0, why: '', whyMs: 0 };

type Counts = Partial<Pick<TopRow, 'allowed' | 'denied' | 'attempts' | 'overflows' | 'why'>>;

function countsOf(event: EvidenceEvent): Counts | undefined {
  switch (event.kind) {
    case 'request':
      return { allowed: event.standsFor };
    case 'denial':
      return { denied: 1, why: event.rule === undefined ? event.reason : `${event.reason} (${event.rule})` };
    case 'plaintext-attempt':
    case 'undeclared-port':
      return { attempts: 1, why: event.kind };
    case 'handshake-failure':
      return { attempts: 1, why: event.reason };
    case 'breaker-overflow':
      return { overflows: 1, why: event.flags.join(',') };
    default:
      return undefined;
  }
}
