/**
 * Lets a call write no more at once than a piece of `writeBytesMax`.
 *
 *   responses ──▶ piece ──taken──▶ piece ──taken──▶ …           one that fits is written as it is
 *
 * Node's TLS keeps, for as long as a connection lives, a buffer as large as the most that was ever written to it at once,
 * and a first configuration is the most that a proxy is ever sent. With 2,000 proxies those buffers were 100 MB.
 * The surprise: a piece may be the last thing before the end of a stream, which HTTP/2 then marks as its end unless there are
 * trailers. A gRPC response always has trailers.
 */
import { Writable } from 'node:stream';
import { writeBytesMax } from './limits.ts';
import { streamBelow } from './stream-below.ts';

type Then = (cause?: Error | null) => void;

interface Chunk {
  readonly chunk: Uint8Array;
  readonly encoding: BufferEncoding;
}

/** Where grpc-js keeps the stream elsewhere than it does today, all is written at once. */
export function writeInPieces(call: object): void {
  const stream = streamBelow(call);
  if (stream instanceof Writable) cutWrites(stream, writeBytesMax);
}

/** @param sink of bytes. @param bytesMax of a piece. */
export function cutWrites(sink: Writable, bytesMax: number): void {
  const writeOne = sink._write.bind(sink);
  const writeMany = sink._writev?.bind(sink);

  function writeCut(bytes: Uint8Array, encoding: BufferEncoding, then: Then): void {
    if (bytes.length <= bytesMax) {
      writeOne(bytes, encoding, then);
      return;
    }
    writeOne(bytes.subarray(0, bytesMax), encoding, (cause) => {
      if (cause) then(cause);
      else writeCut(bytes.subarray(bytesMax), encoding, then);
    });
  }

  function writeEach(chunks: readonly Chunk[], then: Then): void {
    const [first, ...rest] = chunks;
    if (first === undefined) {
      then();
      return;
    }
    writeCut(first.chunk, first.encoding, (cause) => {
      if (cause) then(cause);
      else writeEach(rest, then);
    });
  }

  sink._write = writeCut;
  sink._writev = (chunks: readonly Chunk[], then) => {
    const bytes = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0);
    if (writeMany === undefined || bytes > bytesMax) writeEach(chunks, then);
    else writeMany([...chunks], then);
  };
}
