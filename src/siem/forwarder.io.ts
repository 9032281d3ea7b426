/**
 * Brings the evidence of this replica to one sink: in order, at least once, from where it had got to.
 *
 *   wake() ──▶ store, behind the cursor ──▶ batch ──▶ sink ──▶ cursor on disk ──▶ again, until there is no more
 *                                             └── not taken: later, from the same place
 *
 * There is no queue: the chain is it. While a sink is down its lag grows and memory does not, and what it lost is what
 * retention took meanwhile, which is counted. One batch is under way at a time, and a timer runs only after a failure or
 * for the next signed head. Heads go with the events, so that whoever holds the SIEM can tell a chain that was cut.
 */
import type { SignedHead } from '../evidence/store.ts';
import { type Batch, batchOf, recordOf, type Wanted } from './batch.ts';
import { readCursor, type SinkCursor, writeCursor } from './cursor-file.io.ts';
import { DeadLetters } from './dead-letters.io.ts';
import { handOver } from './hand-over.ts';
import { ocsfOfHead } from './ocsf.ts';
import type { SinkPorts, SinkState } from './ports.ts';
import { retryDelayMs } from './retry-delay.ts';
import { type Delivery, delivered, messageOf, retry, type Sink, type SinkRecord } from './sink.ts';

/** Most events that are asked of the store at once. */
const eventsPerBatchMax = 500;

/** Longest that a sink may take over a batch, in ms. */
const deliveryMaxMs = 30_000;

/** Longest that records stay without a head beside them, in ms; and how many of them may. */
export const headEveryMs = 600_000;
export const headEveryRecords = 10_000;

/** Longest that the end waits for what is under way, in ms. What was not told is told after the next start. */
const stopMaxMs = 5_000;

/** How a step ended. */
type Step =
  | { readonly kind: 'told'; readonly more: boolean }
  | { readonly kind: 'stopped'; readonly message: string; readonly afterMs?: number };

export class Forwarder {
  readonly #name: string;
  readonly #sink: Sink;
  readonly #wanted: Wanted;
  readonly #ports: SinkPorts;
  readonly #cursorPath: string;
  readonly #deadLetters: DeadLetters;
  readonly #stop = new AbortController();
  #cursor: SinkCursor | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #cancelRetry: (() => void) | undefined;
  #cancelHead: (() => void) | undefined;
  #headDue = true;
  /** Position of the newest head that was told. */
  #witnessed = 0;
  /** Up to here what is missing was told already. */
  #countedTo = 0;
  #failures = 0;
  #failing: { readonly message: string; readonly sinceMs: number } | undefined;
  #tally = { delivered: 0, deadLetters: 0, lost: 0 };
  #deliveredAtMs: number | undefined;

  /** @param name of the sink: letters, digits and hyphens; its files bear it. */
  constructor(name: string, sink: Sink, wanted: Wanted, ports: SinkPorts) {
    this.#name = name;
    this.#sink = sink;
    this.#wanted = wanted;
    this.#ports = ports;
    this.#cursorPath = `${ports.folder}/${name}.cursor.json`;
    this.#deadLetters = new DeadLetters(`${ports.folder}/${name}.refused.jsonl`);
  }

  /** There may be something to tell. Cheap; a sink that failed is left alone until its time. */
  wake(): void {
    if (this.#stop.signal.aborted || this.#cancelRetry !== undefined) return;
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  state(): SinkState {
    const position = this.#cursor?.position ?? 0;
    return {
      name: this.#name,
      position,
      lag: Math.max(this.#headPosition() - position, 0),
      ...this.#tally,
      deliveredAtMs: this.#deliveredAtMs,
      failing: this.#failing?.message,
    };
  }

  /** Resolves when nothing is under way; it may be waiting for its next attempt. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Resolves in a bound, whatever the sink does. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelRetry?.();
    this.#cancelHead?.();
    const ended = (async () => {
      await this.idle();
      await this.#sink.close();
      await this.#deadLetters.close();
    })().catch(() => undefined); // what a file says when it is closed changes nothing any more
    const waited = Promise.withResolvers<void>();
    const cancel = this.#ports.clock.setTimer(stopMaxMs, waited.resolve);
    await Promise.race([ended, waited.promise]);
    cancel();
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false;
      const step = await this.#step().catch((error: unknown): Step => ({ kind: 'stopped', message: messageOf(error) }));
      if (this.#stop.signal.aborted) return;
      if (step.kind === 'stopped') {
        this.#retryLater(step);
        return;
      }
      this.#failures = 0;
      this.#again ||= step.more;
    }
    this.#awaitHead();
  }

  async #step(): Promise<Step> {
    const { store } = this.#ports;
    this.#cursor ??= await this.#begin();
    const cursor = this.#cursor;
    const answer = await store.query({ after: { [cursor.replica]: cursor.position }, limit: eventsPerBatchMax });
    if (answer.kind === 'failed') return { kind: 'stopped', message: `the store: ${answer.message}` };
    const from = { ...cursor, since: Math.max(cursor.since, this.#countedTo) };
    const batch = batchOf(answer, from, this.#wanted);
    this.#tellMissing(batch);

    const head = this.#dueHead();
    const records =
      head === undefined ? batch.records : [...batch.records, { ...recordOf(ocsfOfHead(head)), position: batch.to }];
    const { done, stopped } = await handOver(
      records,
      (part) => this.#deliver(part),
      (record, why) => this.#putAside(record, why),
    );
    this.#tally.delivered += done;
    if (done > 0) this.#deliveredAtMs = this.#ports.clock.nowMs();
    if (stopped === undefined && head !== undefined) this.#witness(head);
    const reached = stopped === undefined ? batch.to : (records[done - 1]?.position ?? cursor.position);
    const trouble = await this.#advance(cursor, reached);
    if (stopped !== undefined) return { ...stopped, kind: 'stopped' };
    if (trouble === undefined) this.#recovered();
    else this.#failed(trouble);
    return { kind: 'told', more: answer.more || batch.to < (answer.cursor[cursor.replica] ?? 0) };
  }

  async #begin(): Promise<SinkCursor> {
    const { replica } = this.#ports.store;
    const end = this.#headPosition();
    const kept = await readCursor(this.#cursorPath);
    if (kept?.replica === replica && kept.position <= end) return kept;
    // A new sink is told everything that is still there. One that was told more than there is, of a chain that was cut
    // or restored from a backup, goes on from its end: what comes there next is new.
    const isAhead = kept?.replica === replica;
    if (isAhead) this.#ports.observe({ kind: 'sink-ahead', sink: this.#name, told: kept.position, head: end });
    const cursor = { replica, position: isAhead ? end : 0, since: end };
    await writeCursor(this.#cursorPath, cursor);
    return cursor;
  }

  /** @returns why it is not on disk; the next start tells some once more then. */
  async #advance(cursor: SinkCursor, position: number): Promise<string | undefined> {
    if (position === cursor.position) return undefined;
    this.#cursor = { ...cursor, position };
    try {
      await writeCursor(this.#cursorPath, this.#cursor);
      return undefined;
    } catch (error) {
      return `delivered, but the cursor was not written: ${messageOf(error)}`;
    }
  }

  async #deliver(records: readonly SinkRecord[]): Promise<Delivery> {
    const deadline = new AbortController();
    const cancel = this.#ports.clock.setTimer(deliveryMaxMs, () => deadline.abort());
    try {
      return await this.#sink.deliver(records, AbortSignal.any([deadline.signal, this.#stop.signal]));
    } finally {
      cancel();
    }
  }

  async #putAside(record: SinkRecord, message: string): Promise<Delivery> {
    try {
      await this.#deadLetters.keep(record, message);
    } catch (error) {
      return retry(error);
    }
    this.#tally.deadLetters += 1;
    this.#tally.delivered -= 1;
    this.#ports.observe({ kind: 'sink-dead-letter', sink: this.#name, id: record.id, message });
    return delivered;
  }

  #tellMissing({ missing, to }: Batch): void {
    this.#countedTo = Math.max(this.#countedTo, to);
    if (missing === 0) return;
    this.#tally.lost += missing;
    const exact = this.#wanted.classes === undefined;
    this.#ports.observe({ kind: 'sink-lost', sink: this.#name, count: missing, exact });
  }

  #dueHead(): SignedHead | undefined {
    const head = this.#ports.store.head();
    if (head === undefined || head.position <= this.#witnessed) return undefined;
    return this.#headDue || head.position - this.#witnessed >= headEveryRecords ? head : undefined;
  }

  #witness({ position }: SignedHead): void {
    this.#witnessed = position;
    this.#headDue = false;
    this.#cancelHead?.();
    this.#cancelHead = undefined;
  }

  #awaitHead(): void {
    if (this.#cancelHead !== undefined || this.#headPosition() <= this.#witnessed) return;
    this.#cancelHead = this.#ports.clock.setTimer(headEveryMs, () => {
      this.#cancelHead = undefined;
      this.#headDue = true;
      this.wake();
    });
  }

  #retryLater({ message, afterMs = 0 }: { readonly message: string; readonly afterMs?: number }): void {
    this.#failed(message);
    this.#failures += 1;
    const delayMs = Math.max(retryDelayMs(this.#failures, this.#ports.random()), afterMs);
    this.#cancelRetry = this.#ports.clock.setTimer(delayMs, () => {
      this.#cancelRetry = undefined;
      this.wake();
    });
  }

  #failed(message: string): void {
    const sinceMs = this.#failing?.sinceMs ?? this.#ports.clock.nowMs();
    if (this.#failing === undefined) this.#ports.observe({ kind: 'sink-failing', sink: this.#name, message });
    this.#failing = { message, sinceMs };
  }

  #recovered(): void {
    if (this.#failing === undefined) return;
    const failedMs = this.#ports.clock.nowMs() - this.#failing.sinceMs;
    this.#failing = undefined;
    this.#ports.observe({ kind: 'sink-recovered', sink: this.#name, failedMs });
  }

  #headPosition(): number {
    return this.#ports.store.head()?.position ?? 0;
  }
}
