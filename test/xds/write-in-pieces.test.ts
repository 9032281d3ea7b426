import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { cutWrites } from '../../src/xds/write-in-pieces.io.ts';

/** Takes each piece in a later turn, and fails at the piece of that number. */
function slowSink(failsAt = Infinity) {
  const taken: number[] = [];
  let bytes = '';
  const take = (chunks: readonly { readonly chunk: Buffer }[], then: (cause?: Error) => void) => {
    const whole = Buffer.concat(chunks.map(({ chunk }) => chunk));
    taken.push(whole.length);
    bytes += whole;
    setImmediate(() => (taken.length > failsAt ? then(new Error('the peer is gone')) : then()));
  };
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, then) => take([{ chunk }], then),
    writev: (chunks, then) => take(chunks, then),
  });
  cutWrites(sink, 10);
  return { sink, taken, bytes: () => bytes };
}

test('what is longer than a piece is written piece by piece, in order', async () => {
  const { sink, taken, bytes } = slowSink();
  await new Promise<void>((resolve) => sink.end('abcdefghijklmnopqrstuvwxyz', () => resolve()));
  expect(taken).toEqual([10, 10, 6]);
  expect(bytes()).toBe('abcdefghijklmnopqrstuvwxyz');
});

test('what was written meanwhile goes at once where it fits together, and else one by one', async () => {
  const { sink, taken, bytes } = slowSink();
  for (const text of ['first', 'abc', 'def']) sink.write(text);
  await new Promise<void>((resolve) => sink.write('ghi', () => resolve()));
  for (const text of ['next', 'abcdefg', 'hijklmnopqrstu']) sink.write(text);
  await new Promise<void>((resolve) => sink.end(() => resolve()));
  expect(taken).toEqual([5, 9, 4, 7, 10, 4]);
  expect(bytes()).toBe('firstabcdefghinextabcdefghijklmnopqrstu');
});

test('after a piece that fails nothing is written, and the writer is told', async () => {
  const { sink, taken } = slowSink(1);
  const failed = new Promise((resolve) => sink.once('error', resolve));
  sink.write('abcdefghijklmnopqrstuvwxyz');
  expect(await failed).toEqual(new Error('the peer is gone'));
  expect(taken).toEqual([10, 10]);
});
