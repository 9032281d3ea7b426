/** A store in memory, a clock that is turned by hand, and a sink that does as it is told: behave, and can be looked at. */
import { setTimeout as pause } from 'node:timers/promises';
import type { EventQuery, QueryAnswer, SignedHead, StoredEvent } from '../../src/evidence/store.ts';
import type { EvidenceSource, SinkEvent, SinkPorts } from '../../src/siem/ports.ts';
import { type Delivery, delivered, type Sink, type SinkRecord } from '../../src/siem/sink.ts';

export class FakeStore implements EvidenceSource {
  readonly replica = 'coffre-0';
  readonly events: StoredEvent[] = [];
  /** Why it cannot be asked now. */
  failing: string | undefined;
  #position = 0;

  /** Each at the next position. */
  keep(make: (position: number) => StoredEvent, count = 1): void {
    for (let left = count; left > 0; left -= 1) {
      this.#position += 1;
      this.events.push(make(this.#position));
    }
  }

  /** Takes the bodies away that stand before it. */
  prune(before: number): void {
    const left = this.events.filter(({ position }) => position >= before);
    this.events.splice(0, this.events.length, ...left);
  }

  head(): SignedHead | undefined {
    if (this.#position === 0) return undefined;
    return { replica: this.replica, position: this.#position, hash: 'ab', atMs: 1_000, signature: 'c2ln' };
  }

  async query({ after = {}, limit }: EventQuery): Promise<QueryAnswer> {
    if (this.failing !== undefined) return { kind: 'failed', message: this.failing };
    const behind = this.events.filter(({ position }) => position > (after[this.replica] ?? this.#position));
    const events = behind.slice(0, limit);
    const more = events.length < behind.length;
    const cursor = { [this.replica]: more ? (events.at(-1)?.position ?? 0) : this.#position };
    return { kind: 'events', events, cursor, more, silent: [] };
  }
}

export class FakeClock {
  now = 1_000;
  #timers: { readonly atMs: number; readonly then: () => void }[] = [];

  readonly nowMs = (): number => this.now;

  setTimer(afterMs: number, then: () => void): () => void {
    const timer = { atMs: this.now + afterMs, then };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    this.now += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.now);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.now);
    for (const { then } of due) then();
  }
}

export class FakeSink implements Sink {
  readonly batches: (readonly SinkRecord[])[] = [];
  closed = false;
  /** What becomes of a batch. */
  answer: (batch: readonly SinkRecord[], signal: AbortSignal) => Delivery | Promise<Delivery> = () => delivered;

  /** Ids of what it took, without the heads. */
  taken: string[] = [];
  heads: string[] = [];

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    this.batches.push(batch);
    const delivery = await this.answer(batch, signal);
    if (delivery.kind === 'delivered') {
      this.taken.push(...batch.filter(({ code }) => code !== 'evidence-head').map(({ id }) => id));
      this.heads.push(...batch.filter(({ code }) => code === 'evidence-head').map(({ id }) => id));
    }
    return delivery;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export interface World {
  readonly store: FakeStore;
  readonly clock: FakeClock;
  readonly told: SinkEvent[];
  readonly ports: SinkPorts;
}

export function worldIn(folder: string): World {
  const [store, clock, told] = [new FakeStore(), new FakeClock(), [] as SinkEvent[]];
  return { store, clock, told, ports: { store, clock, random: () => 1, observe: (event) => told.push(event), folder } };
}

/** Looks again until it is so: a file's fsync takes as long as the disk likes. @throws where it never is. */
export async function until(isSo: () => boolean): Promise<void> {
  for (let looks = 0; looks < 30_000; looks += 1) {
    if (isSo()) return;
    await pause(1);
  }
  throw new Error('what was waited for did not come');
}
