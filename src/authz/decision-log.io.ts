/**
 * Decisions as JSON lines to a stream, in the background.
 *
 * A decision never waits for the disk: what does not fit into the stream's own buffer is lost, and counted; as soon as
 * there is room again a line says how many. A stream that fails (disk full, reader gone) loses lines and nothing else.
 */
import type { Writable } from 'node:stream';
import type { DecisionRecord, Observer } from './observer.ts';

/** Bytes that may wait for the stream. About 8,000 decisions. */
const waitingBytesMax = 4 * 1024 * 1024;

export class DecisionLog implements Observer {
  readonly #stream: Writable;
  readonly #waitingBytesMax: number;
  #linesLost = 0;
  #checksShed = 0;
  #toldLost = 0;
  #toldShed = 0;

  constructor(stream: Writable, bytesMax = waitingBytesMax) {
    this.#stream = stream;
    this.#waitingBytesMax = bytesMax;
    stream.on('error', () => {}); // from now on it is not writable, and every line is counted as lost
  }

  /** Lines that were never written, since the start. */
  get linesLost(): number {
    return this.#linesLost;
  }

  /** Checks refused unread, since the start: they have no line each, or the flood would go on in the log. */
  get checksShed(): number {
    return this.#checksShed;
  }

  decided(record: DecisionRecord): void {
    if (!this.#hasRoom()) {
      this.#linesLost += 1;
      return;
    }
    this.#tellLosses(record.timeMs);
    this.#write(record);
  }

  shed(): void {
    this.#checksShed += 1;
  }

  #tellLosses(timeMs: number): void {
    const linesLost = this.#linesLost - this.#toldLost;
    const checksShed = this.#checksShed - this.#toldShed;
    if (linesLost === 0 && checksShed === 0) return;
    this.#toldLost = this.#linesLost;
    this.#toldShed = this.#checksShed;
    this.#write({ timeMs, linesLost, checksShed });
  }

  #hasRoom(): boolean {
    return this.#stream.writable && this.#stream.writableLength < this.#waitingBytesMax;
  }

  #write(line: object): void {
    this.#stream.write(`${JSON.stringify(line)}\n`);
  }
}
