/**
 * Decisions as JSON lines to a stream, in the background.
 *
 * A decision never waits for the disk: what does not fit into the stream's own buffer is lost, and counted; as soon as
 * there is room again a line says how many. A stream that fails (disk full, reader gone) loses lines and nothing else.
 * What is decided within a few ms is written in one piece, since a write of its own costs more than what it tells of. A
 * process that is killed, and not asked to leave, takes those lines with it.
 */
import type { Writable } from 'node:stream';
import type { DecisionRecord, Observer } from './observer.ts';

/** Bytes that may wait for the stream. About 8,000 decisions. */
const waitingBytesMax = 4 * 1024 * 1024;

/** How long lines are gathered, in ms. */
const gatherMs = 10;

export class DecisionLog implements Observer {
  readonly #stream: Writable;
  readonly #waitingBytesMax: number;
  /** What was gathered. Nearly all of it is ASCII: as many characters as bytes. */
  #gathered = '';
  #gathering: NodeJS.Timeout | undefined;
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
    this.#gathered += `${JSON.stringify(line)}\n`;
    this.#gathering ??= setTimeout(() => this.#flush(), gatherMs);
  }

  #flush(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const lines = this.#gathered;
    this.#gathered = '';
    if (lines !== '' && this.#stream.writable) this.#stream.write(lines);
  }
}
