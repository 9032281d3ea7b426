/**
 * How much of one stream is read before the others get their turn.
 *
 *   request, request, … ──budget spent──▶ pause ──the event loop has gone round──▶ resume
 *
 * A client that sends requests without end is served at the pace of this process, and its own transport fills; the
 * streams beside it wait for one budget at most.
 */
import { requestBytesPerTurn, requestsPerTurn } from './limits.ts';

export interface Reader {
  pause(): void;
  /** Reads on, if nothing else keeps it from reading. */
  resume(): void;
}

export class ReadingTurn {
  private readonly reader: Reader;
  private requests = 0;
  private bytes = 0;

  constructor(reader: Reader) {
    this.reader = reader;
  }

  /** Counts a request that was read. */
  spend(bytes: number): void {
    if (this.requests === 0) setImmediate(() => this.pass());
    this.requests += 1;
    this.bytes += bytes;
    if (this.requests >= requestsPerTurn || this.bytes >= requestBytesPerTurn) this.reader.pause();
  }

  private pass(): void {
    this.requests = 0;
    this.bytes = 0;
    this.reader.resume();
  }
}
