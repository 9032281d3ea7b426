/** This side of the writer's thread: sends work, waits for what is urgent, and answers everybody should the thread die. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { RecordDraft } from '../chain/record-draft.ts';
import type { DrillDraft } from '../sqlite/sqlite-writer.io.ts';
import type { Unanswered } from '../sqlite/store-writer.io.ts';
import { abandoned, answered, asked, type Urgent, type Work, type WorkDone } from '../sqlite/writer-messages.ts';
import type { AppendAnswer, PruneAnswer, RetentionRules, SignedHead } from '../store.ts';
import {
  type DrillOutcome,
  fencedMessage,
  isOurs,
  type PostgresOpening,
  type PostgresThreadData,
  type PostgresUrgentDone,
} from './postgres-messages.ts';

/** Records that may wait to be written; beyond them an append fails, and its caller counts the loss. */
const recordsWaitingMax = 50_000;

/** Longest that a caller's turn is held for one record or probe, in ms, and once more while it is being committed. */
const urgentWaitMs = 2_000;

/** Of the union, and not of each of its members as one. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export class PostgresLink {
  readonly opening: Promise<PostgresOpening>;
  head: SignedHead | undefined;
  readonly #worker: Worker;
  readonly #work: MessagePort;
  readonly #urgent: MessagePort;
  readonly #fence = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #waiting = new Map<number, (answer: WorkDone['answer']) => void>();
  #blocked: string | undefined;
  #recordsWaiting = 0;
  #tickets = 0;

  constructor(options: Omit<PostgresThreadData, 'work' | 'urgent' | 'fence'>) {
    const [work, urgent] = [new MessageChannel(), new MessageChannel()];
    this.#work = work.port1;
    this.#urgent = urgent.port1;
    const data: PostgresThreadData = { ...options, fence: this.#fence, work: work.port2, urgent: urgent.port2 };
    this.#worker = new Worker(new URL('./postgres-writer-thread.io.ts', import.meta.url), {
      workerData: data,
      transferList: [work.port2, urgent.port2],
    });
    this.opening = new Promise((resolve) => {
      this.#work.once('message', (opening: PostgresOpening) => {
        if (opening.kind === 'opened') {
          this.#blocked ??= opening.blocked;
          this.head = opening.head;
        }
        this.#work.on('message', (done: WorkDone) => this.#settle(done));
        resolve(opening);
      });
      this.#worker.once('error', (error) => {
        this.#died(error.message);
        resolve({ kind: 'failed', message: error.message });
      });
    });
    this.#worker.once('exit', () => this.#died('it ended'));
  }

  /** Why nothing more is written. That somebody else has the chain is known here as soon as the thread has heard of it. */
  get blocked(): string | undefined {
    if (Atomics.load(this.#fence, 0) !== isOurs) this.#blocked ??= fencedMessage;
    return this.#blocked;
  }

  async append(drafts: readonly RecordDraft[], atMs: number): Promise<AppendAnswer> {
    if (this.#recordsWaiting + drafts.length > recordsWaitingMax) {
      return { kind: 'failed', full: false, message: `${this.#recordsWaiting} records wait to be written already` };
    }
    this.#recordsWaiting += drafts.length;
    const answer = await this.#ask({ kind: 'append', drafts, atMs });
    this.#recordsWaiting -= drafts.length;
    switch (answer.kind) {
      case 'kept':
        return answer;
      case 'blocked':
        this.#blocked ??= answer.message;
        return answer;
      default:
        return { kind: 'failed', full: 'full' in answer && answer.full, message: messageIn(answer) };
    }
  }

  async prune(rules: RetentionRules, nowMs: number): Promise<PruneAnswer> {
    const answer = await this.#ask({ kind: 'prune', rules, nowMs });
    return answer.kind === 'pruned' ? answer : { kind: 'failed', message: messageIn(answer) };
  }

  appendDrill(drill: DrillDraft): DrillOutcome | Unanswered {
    const answer = this.#askNow({ kind: 'drill', drill });
    if (answer.kind !== 'probed') return answer;
    return { kind: 'failed', message: 'the writer answered another question', mayBeKept: true };
  }

  /** @returns why a record would not be kept. */
  probe(): string | undefined {
    const answer = this.#askNow({ kind: 'probe' });
    return answer.kind === 'probed' ? answer.refusal : messageIn(answer);
  }

  block(message: string): void {
    this.#blocked ??= message;
    this.#work.postMessage({ kind: 'block', ticket: 0, message } satisfies Work);
  }

  /** Everything that was sent before is answered before. */
  async end(): Promise<void> {
    if ((await this.opening).kind === 'opened') await this.#ask({ kind: 'close' });
    this.#blocked ??= 'the store is closed';
    this.#work.close();
    this.#urgent.close();
    await this.#worker.terminate();
  }

  #ask(work: Without<Work, 'ticket'>): Promise<WorkDone['answer']> {
    return new Promise((resolve) => {
      this.#tickets += 1;
      this.#waiting.set(this.#tickets, resolve);
      this.#work.postMessage({ ...work, ticket: this.#tickets } satisfies Work);
    });
  }

  #settle({ ticket, answer }: WorkDone): void {
    if (answer.kind === 'kept') this.#advance(answer.head);
    this.#waiting.get(ticket)?.(answer);
    this.#waiting.delete(ticket);
  }

  #askNow(request: Without<Urgent, 'ticket' | 'state'>): PostgresUrgentDone['answer'] | Unanswered {
    this.#tickets += 1;
    const ticket = this.#tickets;
    const state = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.#urgent.postMessage({ ...request, ticket, state } satisfies Urgent);
    Atomics.wait(state, 0, asked, urgentWaitMs);
    const before = Atomics.compareExchange(state, 0, asked, abandoned);
    if (before !== answered && before !== asked) Atomics.wait(state, 0, before, urgentWaitMs);
    if (Atomics.load(state, 0) !== answered) {
      const message = `the store did not answer within ${urgentWaitMs} ms`;
      return { kind: 'unanswered', message, mayBeKept: before !== asked };
    }
    for (let next = receiveMessageOnPort(this.#urgent); next !== undefined; next = receiveMessageOnPort(this.#urgent)) {
      const done: PostgresUrgentDone = next.message; // answers to what was given up stand before ours
      if (done.ticket !== ticket) continue;
      this.#advance(done.head);
      return done.answer;
    }
    return { kind: 'unanswered', message: 'the answer of the store was lost', mayBeKept: true };
  }

  #advance(head: SignedHead | undefined): void {
    if (head !== undefined && head.position > (this.head?.position ?? 0)) this.head = head;
  }

  #died(why: string): void {
    this.#blocked ??= `the thread that writes the store is gone (${why}); restart the control plane`;
    const message = this.#blocked;
    for (const resolve of this.#waiting.values()) resolve({ kind: 'blocked', message });
    this.#waiting.clear();
  }
}

function messageIn(answer: { readonly kind: string; readonly message?: string }): string {
  return answer.message ?? `the writer answered \`${answer.kind}\``;
}
