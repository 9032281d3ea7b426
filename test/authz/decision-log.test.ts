import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { DecisionLog } from '../../src/authz/decision-log.io.ts';
import type { DecisionRecord } from '../../src/authz/observer.ts';

const record: DecisionRecord = { id: 'f3a1', timeMs: 7, durationUs: 5, verdict: 'undecodable', why: 'malformed' };

test('each decision is one line of JSON', () => {
  const { stream, lines } = slowStream();
  const log = new DecisionLog(stream);
  log.decided({ ...record, id: 'a' });
  stream.finishWrites();
  log.decided({ ...record, id: 'b' });
  stream.finishWrites();
  expect(lines()).toEqual([
    { ...record, id: 'a' },
    { ...record, id: 'b' },
  ]);
});

test('lines that find no room are lost and counted, and the first that does tells how many', () => {
  const { stream, lines } = slowStream();
  const log = new DecisionLog(stream, 1);
  for (const id of ['a', 'b', 'c']) log.decided({ ...record, id });
  expect(log.linesLost).toBe(2);

  stream.finishWrites();
  log.shed();
  log.decided({ ...record, id: 'd' });
  stream.finishWrites();
  log.decided({ ...record, id: 'e' });
  stream.finishWrites();
  expect(lines()).toEqual([
    { ...record, id: 'a' },
    { timeMs: 7, linesLost: 2, checksShed: 1 },
    { ...record, id: 'd' },
    { ...record, id: 'e' },
  ]);
});

test('a stream that fails loses lines and throws nothing', async () => {
  const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('ENOSPC')) });
  const log = new DecisionLog(full);
  const closed = new Promise((resolve) => full.once('close', resolve));
  log.decided(record);
  await closed;
  log.decided(record);
  log.decided(record);
  expect(log.linesLost).toBe(2);
});

/** A stream whose writes end when the test says so. */
function slowStream() {
  const written: string[] = [];
  const pending: (() => void)[] = [];
  const stream = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk.toString());
        pending.push(done);
      },
    }),
    {
      finishWrites() {
        for (let done = pending.shift(); done !== undefined; done = pending.shift()) done();
      },
    },
  );
  return { stream, lines: () => written.map((line) => JSON.parse(line)) };
}
