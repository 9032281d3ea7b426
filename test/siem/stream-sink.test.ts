/** Records on a stream whose reader may be gone, or stand still. */
import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { delivered } from '../../src/siem/sink.ts';
import { StreamSink } from '../../src/siem/stream-sink.io.ts';
import { forever, idIn, recordsTo } from './records.ts';

test('each record is a line', async () => {
  const stream = new PassThrough();
  expect(await new StreamSink(stream).deliver(recordsTo(2), forever)).toEqual(delivered);
  expect(String(stream.read()).split('\n').slice(0, -1).map(idIn)).toEqual(['ev-1', 'ev-2']);
});

test('while a reader stands still one batch waits, and none behind it', async () => {
  const held: (() => void)[] = [];
  const stream = new Writable({ write: (_chunk, _encoding, done) => void held.push(done) });
  const sink = new StreamSink(stream);
  const deadline = new AbortController();
  const first = sink.deliver(recordsTo(1), deadline.signal);
  deadline.abort();
  const stands = { kind: 'retry', message: 'its reader stands still' };
  expect(await first).toEqual(stands);
  expect(await sink.deliver(recordsTo(1), forever)).toEqual(stands);
  expect(held).toHaveLength(1);
  for (const done of held) done();
  await new Promise(setImmediate);
  const third = sink.deliver(recordsTo(1), forever);
  expect(held).toHaveLength(2);
  held[1]?.();
  expect(await third).toEqual(delivered);
});

test('a reader that is gone is told, and throws nowhere', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
  const sink = new StreamSink(stream);
  expect(await sink.deliver(recordsTo(1), forever)).toEqual({ kind: 'retry', message: 'EPIPE' });
  expect(await sink.deliver(recordsTo(1), forever)).toMatchObject({ kind: 'retry' });
});
