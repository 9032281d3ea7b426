/**
 * Everybody's way to the store: events are taken at once, written in groups, and never lost without a word.
 *
 *   record ──▶ shelves by class ──what came while the last write was under way──▶ append ──▶ next group
 *                   └─ full: the oldest of its class goes, counted ──▶ one `loss` event, with the next write that is kept
 *
 * Nothing waits for a clock: the first event is written in the turn that it comes, and a group grows only while the disk
 * is at work. Order is kept. While the store cannot write, the newest of each class stay, what was refused is also said
 * on standard error, and an alarm is up; when it can again, what stayed is written, each once.
 * The surprise: an attempt that failed counts as not written, and the store promises that. Where it wrote and could not
 * say so, the events' ids keep them from being kept twice.
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import { draftOf } from '../chain/record-draft.ts';
import { type EventKind, type EvidenceEvent, type LossEvent, type RetentionClass, retentionClassOf } from '../event.ts';
import type { AppendAnswer, EvidenceStore } from '../store.ts';
import { LossCount } from './loss-count.ts';
import { type RecorderLimits, recorderLimits } from './recorder-limits.ts';
import type { EvidenceClock } from './recorder-ports.ts';
import { Shelf } from './shelf.ts';
import { Spill } from './spill.ts';

export interface RecorderPorts {
  readonly store: Pick<EvidenceStore, 'append'>;
  readonly clock: EvidenceClock;
  newId(): string;
  /** Told of each event as it is taken, and of our own `loss` events as they are kept. It may record in turn. Must not throw. */
  observe?(event: EvidenceEvent): void;
  /** One line for standard error, without its end. */
  line(text: string): void;
  /** Why nothing can be written; undefined when it can again. Told when that changes, as a write has shown. */
  alarm(why: string | undefined): void;
}

/** What is written together, or not at all. */
interface Entry {
  /** Of coming: over all shelves. */
  readonly order: number;
  readonly events: readonly EvidenceEvent[];
  readonly bytes: number;
  readonly shelf: Shelf<Entry>;
  /** Of a promise. */
  answer?(answer: AppendAnswer): void;
}

type Refusal = Exclude<AppendAnswer, { kind: 'kept' }>;

const classes: readonly RetentionClass[] = ['traffic', 'security', 'operations', 'audit'];

export class Recorder {
  readonly #ports: RecorderPorts;
  readonly #limits: RecorderLimits;
  readonly #shelves: ReadonlyMap<RetentionClass, Shelf<Entry>>;
  readonly #promised: Shelf<Entry>;
  readonly #losses = new LossCount();
  readonly #spill: Spill;
  #order = 0;
  #writing = false;
  #trouble: string | undefined;
  /** The write under way is later than its answer may be. */
  #stalled = false;
  #cancelRetry: (() => void) | undefined;
  #closed = false;
  /** Who waits until everything up to an order is on disk. */
  #settling: { readonly order: number; readonly resolve: () => void }[] = [];

  constructor(ports: RecorderPorts, limits: RecorderLimits = recorderLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#shelves = new Map(classes.map((name) => [name, new Shelf<Entry>(limits.shelves[name])]));
    this.#promised = new Shelf(limits.promised);
    this.#spill = new Spill(ports.line);
  }

  /** Since the start, by kind. */
  get losses(): ReadonlyMap<EventKind, number> {
    return this.#losses.total;
  }

  /** What waits for the disk, besides what is being written. */
  get waiting(): { readonly events: number; readonly bytes: number } {
    const shelves = this.#all();
    return {
      events: shelves.reduce((sum, { size }) => sum + size, 0),
      bytes: shelves.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** Never waits, never throws. */
  record(event: EvidenceEvent): void {
    const bytes = sizeOf(event);
    const shelf = this.#shelves.get(retentionClassOf(event.kind));
    if (shelf === undefined || bytes > this.#limits.eventCharactersMax || this.#closed) this.#losses.add(event.kind);
    else {
      this.#lose(shelf.push({ order: this.#nextOrder(), events: [event], bytes, shelf }));
      if (this.#trouble !== undefined) this.#say(event);
    }
    this.#ports.observe?.(event);
    if (this.#cancelRetry === undefined) this.#start();
  }

  /**
   * For what must be on disk before somebody is answered. Behind everything that was recorded before it.
   * @returns as the store answered, `skipped` being that of the whole group; `failed` where too much waits already. Where
   * the store did not answer in time, the events may be kept all the same. Never rejects.
   */
  recordNow(events: readonly EvidenceEvent[]): Promise<AppendAnswer> {
    const bytes = events.reduce((sum, event) => sum + sizeOf(event), 0);
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) return Promise.resolve({ kind: 'failed', full: false, message: refusal });
    return new Promise((answer) => {
      this.#promised.push({ order: this.#nextOrder(), events, bytes, shelf: this.#promised, answer });
      for (const event of events) this.#ports.observe?.(event);
      this.#start();
    });
  }

  /** Resolves when all that was recorded by now is on disk, or the store has just said that it cannot. */
  settled(): Promise<void> {
    return this.#settledTo(this.#order);
  }

  #settledTo(order: number): Promise<void> {
    return new Promise((resolve) => {
      this.#settling.push({ order, resolve });
      // A write without an answer is not waited for a second time.
      if (this.#stalled) this.#settle();
      else this.#start();
    });
  }

  /** Tries once more, and takes nothing from then on. What could not be written is said on standard error, as far as there is room. */
  async close(): Promise<void> {
    await this.#settledTo(Infinity);
    this.#closed = true;
    this.#cancelRetry?.();
    const left = [...this.#shelves.values()].flatMap((shelf) => shelf.clear());
    if (left.length === 0) return;
    this.#lose(left);
    for (const event of left.sort((one, two) => one.order - two.order).flatMap(({ events }) => events))
      this.#say(event);
    this.#spill.end();
    this.#ports.line(`{"evidence":"lost at the end","events":${left.length}}`);
  }

  /** Why nobody can be promised anything now. */
  #refusal(bytes: number): string | undefined {
    if (this.#closed) return 'the recorder is closed';
    if (this.#stalled) return this.#trouble;
    if (bytes === Infinity) return 'an event among them can be no record';
    return this.#promised.hasRoomFor({ bytes }) ? undefined : 'too much waits for the disk already';
  }

  #all(): readonly Shelf<Entry>[] {
    return [...this.#shelves.values(), this.#promised];
  }

  #nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  /** Begins in the next breath, so that what one turn records is one group. */
  #start(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    if (this.#writing) return;
    this.#writing = true;
    queueMicrotask(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    while (this.#hasWork()) {
      const group = this.#take();
      const loss = this.#losses.hasUntold ? this.#lossEvent() : undefined;
      const answer = await this.#append(group, loss);
      if (answer.kind !== 'kept') {
        this.#failed(answer, group);
        break;
      }
      this.#kept(answer, group, loss);
      const next = this.#oldest();
      if (next !== undefined) this.#settle(next.order);
    }
    // In the same breath as the answer and the look for work: what came between would wait for nobody.
    this.#writing = false;
    this.#settle();
    if (this.#trouble === undefined || this.#closed || !this.#hasWork()) return;
    this.#cancelRetry = this.#ports.clock.setTimer(this.#limits.retryMs, () => this.#start());
  }

  #hasWork(): boolean {
    return this.#losses.hasUntold || this.#oldest() !== undefined;
  }

  async #append(group: readonly Entry[], loss: LossEvent | undefined): Promise<AppendAnswer> {
    const { store, clock } = this.#ports;
    const { answerMs } = this.#limits;
    const cancel = clock.setTimer(answerMs, () => {
      this.#stalled = true;
      const message = `the store has not answered for ${answerMs / 1_000} s`;
      this.#troubled({ kind: 'failed', full: false, message }, group);
      this.#settle();
    });
    try {
      const events = group.flatMap((entry) => entry.events);
      return await store.append(loss === undefined ? events : [loss, ...events]);
    } catch (error) {
      return { kind: 'failed', full: false, message: error instanceof Error ? error.message : String(error) };
    } finally {
      cancel();
      this.#stalled = false;
    }
  }

  #kept(answer: AppendAnswer, group: readonly Entry[], loss: LossEvent | undefined): void {
    this.#well();
    for (const entry of group) entry.answer?.(answer);
    if (loss === undefined) return;
    this.#losses.told(loss);
    this.#ports.observe?.(loss);
  }

  #failed(answer: Refusal, group: readonly Entry[]): void {
    for (const shelf of this.#shelves.values()) {
      this.#lose(shelf.putBack(group.filter((each) => each.shelf === shelf)));
    }
    this.#troubled(answer, group);
  }

  /** Whoever waits is told; the rest stays, and the refused of it is said. */
  #troubled(answer: Refusal, group: readonly Entry[]): void {
    for (const entry of [...group, ...this.#promised.clear()]) entry.answer?.(answer);
    if (this.#trouble === answer.message) return;
    const isNew = this.#trouble === undefined;
    this.#trouble = answer.message;
    this.#ports.alarm(answer.message);
    if (isNew) for (const event of group.flatMap(({ events, answer: told }) => (told ? [] : events))) this.#say(event);
  }

  #well(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#spill.end();
    this.#ports.alarm(undefined);
  }

  /** Out of the shelves, in the order of coming. */
  #take(): readonly Entry[] {
    const { itemsMax, bytesMax } = this.#limits.batch;
    const group: Entry[] = [];
    let [items, bytes] = [0, 0];
    for (let next = this.#oldest(); next !== undefined; next = this.#oldest()) {
      items += next.events.length;
      bytes += next.bytes;
      if (group.length > 0 && (items > itemsMax || bytes > bytesMax)) break;
      next.shelf.shift();
      group.push(next);
    }
    return group;
  }

  #oldest(): Entry | undefined {
    let oldest: Entry | undefined;
    for (const shelf of this.#all()) {
      const first = shelf.first();
      if (first !== undefined && (oldest === undefined || first.order < oldest.order)) oldest = first;
    }
    return oldest;
  }

  #lose(entries: readonly Entry[]): void {
    for (const { events } of entries) for (const { kind } of events) this.#losses.add(kind);
  }

  #lossEvent(): LossEvent {
    const { clock, newId } = this.#ports;
    return this.#losses.event({ id: newId(), atMs: clock.nowMs(), tenant: systemNamespace });
  }

  #say(event: EvidenceEvent): void {
    if (retentionClassOf(event.kind) === 'security') this.#spill.event(event, this.#ports.clock.nowMs());
  }

  /** @param next order of the oldest that is not on disk; absent: nobody is to wait any more. */
  #settle(next?: number): void {
    const { settled = [], waiting = [] } = Object.groupBy(this.#settling, ({ order }) =>
      next === undefined || order < next ? 'settled' : 'waiting',
    );
    this.#settling = waiting;
    for (const { resolve } of settled) resolve();
  }
}

/**
 * @returns characters of its text, which is about its bytes in memory; Infinity for what can be no record. The store would
 * refuse the whole group that holds it, again and again, and with it everything that comes after.
 */
function sizeOf(event: EvidenceEvent): number {
  try {
    const draft = draftOf(event);
    return 'refused' in draft ? Infinity : draft.body.length;
  } catch {
    return Infinity;
  }
}
