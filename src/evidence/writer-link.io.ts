/**
 * A store's side of its writer's thread: sends work, waits for what is urgent, and answers everybody should the thread die.
 *
 * What the thread writes to is its own affair; each store says how it opens and what it answers of a drill.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { RecordDraft } from './chain/record-draft.ts';
import type { DrillDraft } from './sqlite/sqlite-writer.io.ts';
import {
  abandoned,
  answered,
  asked,
  type Probed,
  type Urgent,
  type UrgentDone,
  type Work,
  type WorkDone,
} from './sqlite/writer-messages.ts';
import type { AppendAnswer, PruneAnswer, RetentionRules, SignedHead } from './store.ts';

/** Records that may wait to be written; beyond them an append fails, and its caller counts the loss. */
const recordsWaitingMax = 50_000;

/** Longest that a caller's turn is held for one record or probe, in ms, and once more while it is being committed. */
const urgentWaitMs = 2_000;

export interface Unanswered {
  readonly kind: 'unanswered';
  readonly message: string;
  /** It was being committed when we ceased to wait. */
  readonly mayBeKept: boolean;
}

/** Of the union, and not of each of its members as one. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** What a thread says of itself when it has opened. */
interface Opened {
  readonly kind: 'opened';
  readonly blocked: string | undefined;
  readonly head: SignedHead | undefined;
}

interface NotOpened {
  readonly kind: 'failed';
  readonly message: string;
}

export interface WriterLinkOptions {
  /** The thread's module. */
  readonly thread: URL;
  /** What it is given, beside its two ports. */
  readonly data: object;
  /** Why nothing more may be written, as far as it is known without asking the thread. */
  whyFenced?(): string | undefined;
}

export class WriterLink<Opening extends Opened, Outcome extends { readonly kind: string }> {
  readonly opening: Promise<Opening | NotOpened>;
  head: SignedHead | undefined;
  readonly #whyFenced: () => string | undefined;
  readonly #worker: Worker;
  readonly #work: MessagePort;
  readonly #urgent: MessagePort;
  readonly #waiting = new Map<number, (answer: WorkDone['answer']) => void>();
  #blocked: string | undefined;
  #recordsWaiting = 0;
  #tickets = 0;

  constructor({ thread, data, whyFenced = () => undefined }: WriterLinkOptions) {
    const [work, urgent] = [new MessageChannel(), new MessageChannel()];
    this.#whyFenced = whyFenced;
    this.#work = work.port1;
    this.#urgent = urgent.port1;
    this.#worker = new Worker(thread, {
      workerData: { ...data, work: work.port2, urgent: urgent.port2 },
      transferList: [work.port2, urgent.port2],
    });
    this.opening = new Promise((resolve) => {
      this.#work.once('message', (opening: Opening | NotOpened) => {
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

  /** Why nothing more is written. */
  get blocked(): string | undefined {
    this.#blocked ??= this.#whyFenced();
    return this.#blocked;
  }

  /** Somebody else has opened the store; the thread finds out by itself. */
  fenced(message: string): void {
    this.#blocked = message;
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

  appendDrill(drill: DrillDraft): Outcome | Unanswered {
    const answer = this.#askNow({ kind: 'drill', drill });
    if (!isProbe(answer)) return answer;
    return { kind: 'unanswered', message: 'the writer answered another question', mayBeKept: true };
  }

  /** @returns why a record would not be kept. */
  probe(): string | undefined {
    const answer = this.#askNow({ kind: 'probe' });
    return isProbe(answer) ? answer.refusal : messageIn(answer);
  }

  /** The thread is told as well. */
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

  #askNow(request: Without<Urgent, 'ticket' | 'state'>): UrgentDone<Outcome>['answer'] | Unanswered {
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
      const done: UrgentDone<Outcome> = next.message; // answers to what was given up stand before ours
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

function isProbe(answer: { readonly kind: string }): answer is Probed {
  return answer.kind === 'probed';
}

function messageIn(answer: { readonly kind: string; readonly message?: string }): string {
  return answer.message ?? `the writer answered \`${answer.kind}\``;
}
