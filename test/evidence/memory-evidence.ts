/** Evidence that is only remembered: for tests of those who read it. It keeps the promise of the store's queries. */
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { Cursor, EventQuery, EvidenceStore, QueryAnswer, StoredEvent } from '../../src/evidence/store.ts';

export class MemoryEvidence implements Pick<EvidenceStore, 'query' | 'head' | 'publicKeyPem' | 'replica' | 'blocked'> {
  readonly replica = 'r1';
  readonly publicKeyPem = '-----BEGIN PUBLIC KEY-----\n';
  readonly #events: StoredEvent[] = [];
  #waiting: (() => void)[] = [];

  keep(...events: readonly EvidenceEvent[]): void {
    for (const event of events) {
      this.#events.push({ replica: this.replica, position: this.#events.length + 1, event });
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }

  get told(): number {
    return this.#events.length;
  }

  /** Ends with the next event; a test that waits for nothing hangs, and says so by its own bound. */
  wait(_seen: number, ms: number): Promise<number> {
    return new Promise((resolve) => this.#waiting.push(() => resolve(ms)));
  }

  get isFollowed(): boolean {
    return this.#waiting.length > 0;
  }

  head() {
    const hash = 'ab'.repeat(32);
    return { replica: this.replica, position: this.#events.length, hash, atMs: 0, signature: '' };
  }

  blocked(): undefined {
    return undefined;
  }

  async query({ after, limit, ...filter }: EventQuery): Promise<QueryAnswer> {
    const end = this.#events.length;
    const from = after === undefined ? 0 : (after[this.replica] ?? end);
    const matching = this.#events.slice(from).filter(({ event }) => matches(event, filter));
    const events = after === undefined ? [...matching].reverse().slice(0, limit) : matching.slice(0, limit);
    const more = matching.length > limit;
    const cursor: Cursor = { [this.replica]: more && after !== undefined ? (events.at(-1)?.position ?? end) : end };
    return { kind: 'events', events, cursor, more, silent: [] };
  }
}

function matches(event: EvidenceEvent, filter: Omit<EventQuery, 'after' | 'limit'>): boolean {
  const { id, kinds, tenant, identity, verdict, sinceMs = 0, untilMs = Number.POSITIVE_INFINITY } = filter;
  return (
    (id === undefined || [event.id, event.decision, event.trace].includes(id)) &&
    (kinds === undefined || kinds.includes(event.kind)) &&
    (tenant === undefined || event.tenant === tenant) &&
    (identity === undefined || event.workload === identity) &&
    (verdict === undefined || ('verdict' in event && event.verdict === verdict)) &&
    event.atMs >= sinceMs &&
    event.atMs < untilMs
  );
}
