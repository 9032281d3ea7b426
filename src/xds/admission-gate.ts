/**
 * How many clients get their first configuration at once; the others stand in line.
 *
 *   enter ──room──▶ inside ──leave──▶ the next in line          enter ──line is full──▶ turned away
 *
 * A thousand proxies that come back together cost as much as the largest of these crowds, and the streams that are
 * open share the processor with that crowd only. First come, first served.
 */
export interface Arrival {
  /** It is its turn. Is called once at most, and not for who entered at once. */
  admit(): void;
}

export class AdmissionGate {
  private readonly insideMax: number;
  private readonly waitingMax: number;
  private readonly inside = new Set<Arrival>();
  private readonly waiting = new Set<Arrival>();

  constructor(insideMax: number, waitingMax: number) {
    this.insideMax = insideMax;
    this.waitingMax = waitingMax;
  }

  enter(arrival: Arrival): 'inside' | 'waiting' | 'full' {
    if (this.inside.size < this.insideMax) {
      this.inside.add(arrival);
      return 'inside';
    }
    if (this.waiting.size >= this.waitingMax) return 'full';
    this.waiting.add(arrival);
    return 'waiting';
  }

  /** Gives back a place, inside or in the line. May be called twice, and by who never had one. */
  leave(arrival: Arrival): void {
    this.waiting.delete(arrival);
    if (!this.inside.delete(arrival)) return;
    const [next] = this.waiting;
    if (next === undefined) return;
    this.waiting.delete(next);
    this.inside.add(next);
    next.admit();
  }

  counts(): AdmissionCounts {
    return { inside: this.inside.size, waiting: this.waiting.size };
  }
}

export interface AdmissionCounts {
  readonly inside: number;
  readonly waiting: number;
}
