/**
 * Where decisions go: what is written is the kernel's before `write` returns, so that whoever is killed leaves it behind.
 *
 *   file          a write call: a copy into memory of the kernel's, which brings it to the disk later
 *   pipe, socket  a write call that never waits: what a slow reader leaves no room for waits in the stream
 *   the rest      as Node writes a file, by threads of its own: a terminal, which is nobody's log
 *
 * Node's own file streams hand every write to a thread, behind the one before; `process.stdout` waits for its reader.
 */
import { createWriteStream, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';

const standardOutput = 1;
/** For whoever runs the worker alone: it says who asked for what. */
const fileMode = 0o600;

/**
 * @param path a file to be added to; standard output if absent.
 * @throws what opening the file throws.
 */
export function openDecisionSink(path?: string): Writable {
  const fd = path === undefined ? standardOutput : openSync(path, 'a', fileMode);
  const kind = fstatSync(fd);
  if (kind.isFile()) return new Writable({ decodeStrings: true, write: (chunk, _, done) => writeAll(fd, chunk, done) });
  if (kind.isFIFO() || kind.isSocket()) return new Socket({ fd, readable: false, writable: true });
  return createWriteStream('', { fd });
}

/** A write may take a part, where the disk is nearly full; the next one then says why. */
function writeAll(fd: number, chunk: Buffer, done: (error?: Error) => void): void {
  try {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done();
}
