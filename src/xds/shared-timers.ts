/**
 * The timers of thousands of streams, as one timer of the process: that of the earliest.
 *
 *   setTimer ──▶ heap by due time ──earliest──▶ one timer           cancel ──▶ marked, and swept out once most of the heap is
 *
 * A stream at rest waits for three things that are minutes away: its age, the end of its credentials, the next time that its
 * client is judged. To wait for them costs the process nothing until the first of all is due.
 */
import type { Clock } from './ports.ts';

interface Entry {
  readonly dueMs: number;
  /** Set earlier, fired earlier, where both are due at once. */
  readonly order: number;
  /** Absent once it was cancelled or has fired. */
  run: (() => void) | undefined;
}

/** Fewest cancelled timers that are worth a sweep. */
const sweepMin = 64;

export class SharedTimers implements Clock {
  readonly #clock: Clock;
  readonly #heap: Entry[] = [];
  #cancelled = 0;
  #set = 0;
  /** What the one timer runs for. */
  #armedMs = Infinity;
  #disarm: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  setTimer(ms: number, then: () => void): () => void {
    this.#set += 1;
    const entry: Entry = { dueMs: this.#elapsedMs() + ms, order: this.#set, run: then };
    this.#push(entry);
    this.#arm();
    return () => this.#cancel(entry);
  }

  /** By a clock that nobody sets, if there is one: a revocation must not wait for an hour that was taken back. */
  #elapsedMs(): number {
    return this.#clock.monotonicMs?.() ?? this.#clock.nowMs();
  }

  #cancel(entry: Entry): void {
    if (entry.run === undefined) return;
    entry.run = undefined;
    this.#cancelled += 1;
    if (this.#cancelled >= sweepMin && this.#cancelled * 2 > this.#heap.length) this.#sweep();
    if (this.#cancelled === this.#heap.length) this.#rest();
  }

  #fire(): void {
    this.#armedMs = Infinity;
    const nowMs = this.#elapsedMs();
    for (let first = this.#heap[0]; first !== undefined && first.dueMs <= nowMs; first = this.#heap[0]) {
      this.#pop();
      const { run } = first;
      first.run = undefined;
      if (run === undefined) this.#cancelled -= 1;
      else run();
    }
    if (this.#cancelled === this.#heap.length) this.#rest();
    else this.#arm();
  }

  #arm(): void {
    // Nobody is woken for what was cancelled.
    for (; this.#heap[0]?.run === undefined && this.#heap.length > 0; this.#cancelled -= 1) this.#pop();
    const [first] = this.#heap;
    if (first === undefined || first.dueMs >= this.#armedMs) return;
    this.#disarm();
    this.#armedMs = first.dueMs;
    this.#disarm = this.#clock.setTimer(Math.max(0, first.dueMs - this.#elapsedMs()), () => this.#fire());
  }

  /** Nobody waits for anything. */
  #rest(): void {
    this.#disarm();
    this.#armedMs = Infinity;
    this.#heap.length = 0;
    this.#cancelled = 0;
  }

  #sweep(): void {
    const alive = this.#heap.filter(({ run }) => run !== undefined);
    this.#heap.length = 0;
    this.#cancelled = 0;
    for (const entry of alive) this.#push(entry);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  /** Takes the earliest away. */
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const [first, second] = [heap[left], heap[right]];
      if (first === undefined) break;
      const [child, earlier] = second !== undefined && isBefore(second, first) ? [right, second] : [left, first];
      if (isBefore(last, earlier)) break;
      heap[index] = earlier;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
