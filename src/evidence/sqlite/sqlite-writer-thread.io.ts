/** The writer's thread: takes what waits, commits it together, and lets nobody who waits in his own turn wait for more than one commit. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { AppendAnswer, PruneAnswer } from '../store.ts';
import { prune } from './sqlite-prune.io.ts';
import { SqliteWriter } from './sqlite-writer.io.ts';
import {
  answered,
  asked,
  committing,
  type Opening,
  type Urgent,
  type UrgentDone,
  type Work,
  type WorkDone,
  type WriterThreadData,
} from './writer-messages.ts';

/** Records of one commit, where more wait: what is urgent waits for as many. */
const recordsPerCommit = 2_000;

const data: WriterThreadData = workerData;
const { work, urgent } = data;

function serve(writer: SqliteWriter): void {
  const answer = (ticket: number, answer: WorkDone['answer']) =>
    work.postMessage({ ticket, answer } satisfies WorkDone);
  const commit = (group: readonly (Work & { kind: 'append' })[]) => {
    const answers = writer.commit(
      group.map(({ drafts }) => drafts),
      Math.max(...group.map(({ atMs }) => atMs)),
    );
    group.forEach(({ ticket }, at) => {
      const own: AppendAnswer | undefined = answers[at];
      if (own !== undefined) answer(ticket, own);
    });
  };

  const handle = (first: Work): void => {
    let group: (Work & { kind: 'append' })[] = [];
    let records = 0;
    for (let next: Work | undefined = first; next !== undefined; next = receiveMessageOnPort(work)?.message) {
      if (next.kind === 'append') {
        group.push(next);
        records += next.drafts.length;
        if (records < recordsPerCommit) continue;
      }
      if (group.length > 0) commit(group);
      group = [];
      records = 0;
      for (let one = receiveMessageOnPort(urgent); one !== undefined; one = receiveMessageOnPort(urgent))
        attend(writer, one.message);
      if (next.kind !== 'append') other(next);
    }
    if (group.length > 0) commit(group);
  };

  const other = (message: Exclude<Work, { kind: 'append' }>): void => {
    switch (message.kind) {
      case 'prune': {
        const steps = prune(writer, message.rules, message.nowMs);
        const step = () => {
          const { done, value } = steps.next();
          if (done === true) answer(message.ticket, value satisfies PruneAnswer);
          else setImmediate(step);
        };
        step();
        return;
      }
      case 'block':
        writer.blocked ??= message.message;
        return;
      case 'close':
        writer.close();
        answer(message.ticket, { kind: 'done' });
        work.close();
        urgent.close();
        return;
    }
  };

  work.on('message', handle);
  urgent.on('message', (message: Urgent) => attend(writer, message));
}

function attend(writer: SqliteWriter, request: Urgent): void {
  const { ticket, state } = request;
  if (Atomics.load(state, 0) !== asked) return;
  const mayCommit = () => Atomics.compareExchange(state, 0, asked, committing) === asked;
  const answer: UrgentDone['answer'] =
    request.kind === 'drill'
      ? writer.appendDrill(request.drill, mayCommit)
      : { kind: 'probed', refusal: writer.probe() };
  urgent.postMessage({ ticket, answer, head: writer.head() } satisfies UrgentDone);
  Atomics.store(state, 0, answered);
  Atomics.notify(state, 0);
}

try {
  const writer = SqliteWriter.open(data);
  const { epoch, findings, blocked, damage } = writer;
  const damagedAt = damage?.position;
  work.postMessage({ kind: 'opened', epoch, findings, blocked, damagedAt, head: writer.head() } satisfies Opening);
  serve(writer);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  work.postMessage({ kind: 'failed', message } satisfies Opening);
}
