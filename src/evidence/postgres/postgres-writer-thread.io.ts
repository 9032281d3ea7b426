/**
 * The writer's thread: one transaction at a time. What is urgent goes first, then what waits to be kept, together, then a
 * step of a pruning.
 *
 * It is a thread although nothing in it blocks: whoever waits for a drill's record in his own turn stops his thread, and
 * the connection must live in another.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { answered, asked, committing, type Urgent, type Work, type WorkDone } from '../sqlite/writer-messages.ts';
import type { PruneAnswer } from '../store.ts';
import {
  isFenced,
  type PostgresOpening,
  type PostgresThreadData,
  type PostgresUrgentDone,
} from './postgres-messages.ts';
import { prune } from './postgres-prune.io.ts';
import { messageOf, sqlState } from './postgres-session.io.ts';
import { PostgresWriter } from './postgres-writer.io.ts';

/** Longest wait for a server that is not there when the store is opened, in ms; nothing that is served waits with it. */
const openWaitMs = 5_000;
const openPauseMs = 250;

/** Records of one commit, where more wait: what is urgent waits for as many. */
const recordsPerCommit = 2_000;

type Append = Work & { readonly kind: 'append' };

interface Pruning {
  readonly ticket: number;
  readonly steps: AsyncGenerator<undefined, PruneAnswer, undefined>;
}

const data: PostgresThreadData = workerData;
const { work, urgent, fence } = data;

class Desk {
  readonly #writer: PostgresWriter;
  readonly #urgent: Urgent[] = [];
  readonly #work: Work[] = [];
  #prunings: readonly Pruning[] = [];
  #isBusy = false;

  constructor(writer: PostgresWriter) {
    this.#writer = writer;
  }

  hurry(request: Urgent): void {
    this.#urgent.push(request);
    void this.#run();
  }

  take(message: Work): void {
    this.#work.push(message);
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let isWork = true; isWork; ) {
      for (let request = this.#urgent.shift(); request !== undefined; request = this.#urgent.shift())
        await this.#attend(request);
      const group = this.#group();
      if (group.length > 0) await this.#commit(group);
      else await this.#other(this.#work.shift());
      await this.#prune();
      isWork = this.#urgent.length + this.#work.length + this.#prunings.length > 0;
    }
    this.#isBusy = false;
  }

  /** Appends that stand in front, up to one commit's worth. */
  #group(): readonly Append[] {
    const group: Append[] = [];
    let records = 0;
    for (let next = this.#work[0]; next?.kind === 'append' && records < recordsPerCommit; next = this.#work[0]) {
      group.push(next);
      records += next.drafts.length;
      this.#work.shift();
    }
    return group;
  }

  async #commit(group: readonly Append[]): Promise<void> {
    const answers = await this.#writer.commit(
      group.map(({ drafts }) => drafts),
      Math.max(...group.map(({ atMs }) => atMs)),
    );
    group.forEach(({ ticket }, at) => {
      const own = answers[at];
      if (own !== undefined) answer(ticket, own);
    });
  }

  async #other(message: Work | undefined): Promise<void> {
    switch (message?.kind) {
      case 'prune': {
        const steps = prune(this.#writer, message.rules, message.nowMs);
        this.#prunings = [...this.#prunings, { ticket: message.ticket, steps }];
        return;
      }
      case 'block':
        this.#writer.blocked ??= message.message;
        return;
      case 'close':
        await this.#writer.close();
        answer(message.ticket, { kind: 'done' });
        work.close();
        urgent.close();
    }
  }

  async #prune(): Promise<void> {
    const [first, ...others] = this.#prunings;
    if (first === undefined) return;
    const { done, value } = await first.steps.next();
    if (done !== true) return;
    this.#prunings = others;
    answer(first.ticket, value);
  }

  async #attend(request: Urgent): Promise<void> {
    const { ticket, state } = request;
    if (Atomics.load(state, 0) !== asked) return;
    const mayCommit = () => Atomics.compareExchange(state, 0, asked, committing) === asked;
    const answer: PostgresUrgentDone['answer'] =
      request.kind === 'drill'
        ? await this.#writer.appendDrill(request.drill, mayCommit)
        : { kind: 'probed', refusal: await this.#writer.probe() };
    urgent.postMessage({ ticket, answer, head: this.#writer.head } satisfies PostgresUrgentDone);
    Atomics.store(state, 0, answered);
    Atomics.notify(state, 0);
  }
}

function answer(ticket: number, answer: WorkDone['answer']): void {
  work.postMessage({ ticket, answer } satisfies WorkDone);
}

try {
  const { writer, opened } = await openWhenThere(performance.now() + openWaitMs);
  const { epoch, findings, drills } = opened;
  const { blocked, head } = writer;
  work.postMessage({ kind: 'opened', epoch, findings, blocked, head, drills } satisfies PostgresOpening);
  const desk = new Desk(writer);
  work.on('message', (message: Work) => desk.take(message));
  urgent.on('message', (message: Urgent) => desk.hurry(message));
} catch (error) {
  work.postMessage({ kind: 'failed', message: messageOf(error) } satisfies PostgresOpening);
}

/** @throws where it was not there until then, or is not ours to write. */
async function openWhenThere(giveUpMs: number): ReturnType<typeof PostgresWriter.open> {
  const { address, replica, signingKey, nowMs } = data;
  const fenced = () => void Atomics.store(fence, 0, isFenced);
  for (;;) {
    try {
      return await PostgresWriter.open({ address, replica, signingKey, nowMs, fenced });
    } catch (error) {
      if (!isAway(error) || performance.now() >= giveUpMs) throw error;
      await delay(openPauseMs);
    }
  }
}

/** The server could not be reached, or was not ready: neither a refusal nor anything that is ours. */
function isAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return /^(?:57P0|53300)/.test(state);
  return (
    error instanceof AggregateError ||
    (error instanceof Error && ('code' in error || /timeout|terminated/.test(error.message)))
  );
}
