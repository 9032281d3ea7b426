/** The streams, counted by who holds them, before they are judged and after: who may have one more, and what each was told. */
import type { ClientStatus } from './client-status.ts';
import { streamsPerClientMax } from './limits.ts';

export interface RegisteredStream {
  readonly key: string;
  /** By whom it is counted. */
  readonly holder: string;
  /** Absent while its client is not admitted yet. */
  status(): ClientStatus | undefined;
  judgeAgain(): void;
  close(reason: string): void;
}

export class StreamRegistry {
  private readonly streams = new Map<number, RegisteredStream>();
  private readonly counts = new Map<string, number>();
  private readonly heard = new Map<string, number>();
  private opened = 0;

  /** Counts a stream that has said nothing yet. @returns false if its holder has as many as it may. */
  hear(holder: string): boolean {
    const count = this.heard.get(holder) ?? 0;
    if (count >= streamsPerClientMax) return false;
    this.heard.set(holder, count + 1);
    return true;
  }

  unhear(holder: string): void {
    discount(this.heard, holder);
  }

  /** @returns the number of the stream, or undefined if its holder has as many as it may. */
  add(stream: RegisteredStream): number | undefined {
    const count = this.counts.get(stream.holder) ?? 0;
    if (count >= streamsPerClientMax) return undefined;
    this.opened += 1;
    this.streams.set(this.opened, stream);
    this.counts.set(stream.holder, count + 1);
    return this.opened;
  }

  remove(number: number): void {
    const stream = this.streams.get(number);
    if (stream === undefined) return;
    this.streams.delete(number);
    discount(this.counts, stream.holder);
  }

  all(): readonly RegisteredStream[] {
    return [...this.streams.values()];
  }
}

function discount(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
