import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineFeed } from '../../src/lab/lines.ts';

function feedAll(chunks: readonly Uint8Array[], bytesMax: number) {
  const lines: string[] = [];
  let tooLong = 0;
  const feed = lineFeed(
    bytesMax,
    (line) => lines.push(line),
    () => tooLong++,
  );
  for (const chunk of chunks) feed(Buffer.from(chunk));
  return { lines, tooLong };
}

test('lines come out whole, however the bytes were cut, characters of several bytes included', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(50)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const places = [0, ...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      expect(feedAll(chunks, 1_000_000)).toEqual({ lines, tooLong: 0 });
    }),
  );
});

test('a line that never ends is given up once, and nothing after it is taken for a line', () => {
  const chunks = ['good\n', 'x'.repeat(11), 'y\nlate\n'].map((text) => Buffer.from(text));
  expect(feedAll(chunks, 10)).toEqual({ lines: ['good'], tooLong: 1 });
});
