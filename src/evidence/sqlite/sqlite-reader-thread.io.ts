/** The reader's thread: queries as they come, and between them the check of the whole chain, once. */
import { createPublicKey } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { findingText } from '../chain/chain-finding.ts';
import type { ReaderThreadData, Reading, ReadingDone } from './reader-messages.ts';
import { pagesCheckedAtOnce } from './sqlite-open.io.ts';
import { SqliteReader } from './sqlite-reader.io.ts';

const { path, replica, publicKeyPem, port, isChecked }: ReaderThreadData = workerData;

function serve(reader: SqliteReader): void {
  const steps = isChecked ? reader.check(createPublicKey(publicKeyPem)) : undefined;
  let isClosed = false;
  const step = () => {
    if (isClosed || steps === undefined) return;
    const { done, value } = steps.next();
    if (done !== true) {
      setImmediate(step);
      return;
    }
    const worn = reader.pages() > pagesCheckedAtOnce ? reader.complaint() : undefined;
    const texts = [
      ...value.findings.map(findingText),
      ...(worn === undefined ? [] : [`its pages are damaged: ${worn}`]),
    ];
    post({ kind: 'checked', records: value.records, findings: texts });
  };
  port.on('message', (message: Reading) => {
    if (message.kind === 'close') {
      isClosed = true;
      reader.close();
      post({ kind: 'closed', ticket: message.ticket });
      port.close();
      return;
    }
    const { ticket } = message;
    try {
      post({ kind: 'answer', ticket, answer: reader.query(message.query) });
    } catch (error) {
      post({ kind: 'failed', ticket, message: messageOf(error) });
    }
  });
  setImmediate(step);
}

function post(message: ReadingDone): void {
  port.postMessage(message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  serve(new SqliteReader(path, replica));
} catch (error) {
  post({ kind: 'unreadable', message: messageOf(error) });
}
