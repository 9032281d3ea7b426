/** This side of the reader's thread. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { EvidenceEvent } from '../event.ts';
import type { EventQuery, QueryAnswer } from '../store.ts';
import type { ReaderThreadData, Reading, ReadingDone } from './reader-messages.ts';
import type { RawAnswer } from './sqlite-reader.io.ts';

/** Queries that may wait; beyond them a query fails at once. */
const queriesWaitingMax = 100;

type Reply = Extract<ReadingDone, { readonly ticket: number }> | { readonly kind: 'gone'; readonly message: string };

export class StoreReader {
  /** Told once, after all of the chain was read. */
  onChecked: ((findings: readonly string[], records: number) => void) | undefined;
  readonly #replica: string;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #tickets = 0;
  #gone: string | undefined;

  constructor(options: Omit<ReaderThreadData, 'port'>) {
    const { port1, port2 } = new MessageChannel();
    this.#replica = options.replica;
    this.#port = port1;
    this.#worker = new Worker(new URL('./sqlite-reader-thread.io.ts', import.meta.url), {
      workerData: { ...options, port: port2 } satisfies ReaderThreadData,
      transferList: [port2],
    });
    this.#port.on('message', (done: ReadingDone) => this.#settle(done));
    this.#worker.once('error', (error) => this.#died(error.message));
    this.#worker.once('exit', () => this.#died('it ended'));
  }

  async query(query: EventQuery): Promise<QueryAnswer> {
    if (this.#waiting.size >= queriesWaitingMax) {
      return { kind: 'failed', message: `${queriesWaitingMax} queries wait already; ask again later` };
    }
    const reply = await this.#ask((ticket) => ({ kind: 'query', ticket, query }));
    switch (reply.kind) {
      case 'answer':
        return this.#answerOf(reply.answer);
      case 'failed':
      case 'gone':
        return { kind: 'failed', message: reply.message };
      case 'closed':
        return { kind: 'failed', message: 'the store is closed' };
    }
  }

  async end(): Promise<void> {
    await this.#ask((ticket) => ({ kind: 'close', ticket }));
    this.#port.close();
    await this.#worker.terminate();
  }

  #ask(reading: (ticket: number) => Reading): Promise<Reply> {
    const gone = this.#gone;
    if (gone !== undefined) return Promise.resolve({ kind: 'gone', message: gone });
    return new Promise((resolve) => {
      this.#tickets += 1;
      this.#waiting.set(this.#tickets, resolve);
      this.#port.postMessage(reading(this.#tickets));
    });
  }

  #answerOf({ rows, cursor, more }: RawAnswer): QueryAnswer {
    const events = rows.map(({ position, body }) => {
      const event: EvidenceEvent = JSON.parse(body);
      return { replica: this.#replica, position, event };
    });
    return { kind: 'events', events, cursor, more, silent: [] };
  }

  #settle(done: ReadingDone): void {
    switch (done.kind) {
      case 'checked':
        this.onChecked?.(done.findings, done.records);
        return;
      case 'unreadable':
        this.#died(done.message);
        return;
      default:
        this.#waiting.get(done.ticket)?.(done);
        this.#waiting.delete(done.ticket);
    }
  }

  #died(why: string): void {
    this.#gone ??= `the thread that reads the store is gone (${why})`;
    for (const resolve of this.#waiting.values()) resolve({ kind: 'gone', message: this.#gone });
    this.#waiting.clear();
  }
}
