import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { DecisionLog } from '../../src/authz/decision-log.io.ts';
import type { DecisionRecord } from '../../src/authz/observer.ts';

const record: DecisionRecord = { id: 'f3a1', timeMs: 7, durationUs: 5, verdict: 'undecodable', why: 'malformed' };

/** What was decided in one go is written at its end, before anything else is done. */
const written = () => Promise.resolve();

test('each decision is one line of JSON, and those of one go are one write, before anything else', async () => {
  const { stream, writes } = slowStream();
  const log = new DecisionLog(stream);
  log.decided({ ...record, id: 'a' });
  log.decided({ ...record, id: 'b' });
  expect(writes()).toEqual([]);
  await written();
  stream.finishWrites();
  log.decided({ ...record, id: 'c' });
  await written();
  expect(writes()).toEqual([
    [
      { ...record, id: 'a' },
      { ...record, id: 'b' },
    ],
    [{ ...record, id: 'c' }],
  ]);
});

test('lines that find no room are lost and counted, and the first that does tells how many', async () => {
  const { stream, writes } = slowStream();
  const log = new DecisionLog(stream, 1);
  for (const id of ['a', 'b']) log.decided({ ...record, id });
  await written();
  log.decided({ ...record, id: 'c' });
  expect(log.linesLost).toBe(2);

  stream.finishWrites();
  log.shed();
  log.decided({ ...record, id: 'd' });
  await written();
  stream.finishWrites();
  log.decided({ ...record, id: 'e' });
  await written();
  expect(writes()).toEqual([
    [{ ...record, id: 'a' }],
    [
      { timeMs: 7, linesLost: 2, checksShed: 1 },
      { ...record, id: 'd' },
    ],
    [{ ...record, id: 'e' }],
  ]);
});

test('a log that ends has written what it was told', async () => {
  const { stream, writes } = slowStream();
  const log = new DecisionLog(stream);
  log.decided(record);
  const ended = log.end();
  stream.finishWrites();
  await ended;
  expect(writes()).toEqual([[record]]);
});

test('a stream that fails loses lines and throws nothing', async () => {
  const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('ENOSPC')) });
  const log = new DecisionLog(full);
  const closed = new Promise((resolve) => full.once('close', resolve));
  log.decided(record);
  await written();
  await closed;
  log.decided(record);
  log.decided(record);
  expect(log.linesLost).toBe(2);
  await log.end();
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
  const parsed = (lines: string) =>
    lines
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  return { stream, writes: () => written.map(parsed) };
}
