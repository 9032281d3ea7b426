/**
 * JSON lines on a stream, such as the standard output that a container's runtime collects.
 *
 * Delivered means handed to the operating system: nobody behind a pipe acknowledges. While its reader stands still one
 * batch waits in memory, and nothing is written behind it.
 */
import type { Writable } from 'node:stream';
import { type Delivery, delivered, retry, type Sink, type SinkRecord } from './sink.ts';

export class StreamSink implements Sink {
  readonly #stream: Writable;
  readonly #ignore = () => undefined;
  #pending: Promise<Delivery> | undefined;

  /** @param stream is not ended, and an error of it reaches nobody else. */
  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', this.#ignore); // told to the callback of the write as well
  }

  deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    if (this.#pending !== undefined) return Promise.resolve(retry('its reader stands still'));
    const written = this.#write(batch);
    this.#pending = written;
    written.then(() => {
      this.#pending = undefined;
    });
    return Promise.race([written, ended(signal)]);
  }

  async close(): Promise<void> {
    this.#stream.off('error', this.#ignore);
  }

  #write(batch: readonly SinkRecord[]): Promise<Delivery> {
    return new Promise((resolve) => {
      this.#stream.write(batch.map(({ line }) => `${line}\n`).join(''), (error) => {
        resolve(error === null || error === undefined ? delivered : retry(error));
      });
    });
  }
}

function ended(signal: AbortSignal): Promise<Delivery> {
  return new Promise((resolve) => {
    const tell = () => resolve(retry('its reader stands still'));
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });
}
