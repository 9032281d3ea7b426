/**
 * Decisions as JSON lines to a stream, in the background.
 *
 * A decision never waits for the disk: what does not fit into the stream's own buffer is lost, and counted; as soon as
 * there is room again a line says how many. A stream that fails (disk full, reader gone) loses lines and nothing else.
 * What is decided in one go, which is all that one read from a socket held, is written in one piece, since a write of its own
 * costs more than what it tells of; and before anything else is done, so that whoever is killed leaves what it has answered.
 */
import type { Writable } from 'node:stream';
import type { DecisionRecord, Observer } from './observer.ts';

/** Bytes that may wait for the stream. About 8,000 decisions. */
const waitingBytesMax = 4 * 1024 * 1024;

export class DecisionLog implements Observer {
  readonly #stream: Writable;
  readonly #waitingBytesMax: number;
  /** What was gathered. Nearly all of it is ASCII: as many characters as bytes. */
  #gathered = '';
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

  /** To be called last. Resolves once everything is written, or cannot be. */
  end(): Promise<void> {
    this.#flush();
    return new Promise((resolve) => this.#stream.end(() => resolve()));
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
    return this.#stream.writable && this.#gathered.length + this.#stream.writableLength < this.#waitingBytesMax;
  }

  #write(line: object): void {
    if (this.#gathered === '') queueMicrotask(() => this.#flush());
    this.#gathered += `${JSON.stringify(line)}\n`;
  }

  #flush(): void {
    const lines = this.#gathered;
    this.#gathered = '';
    if (lines !== '' && this.#stream.writable) this.#stream.write(lines);
  }
}
