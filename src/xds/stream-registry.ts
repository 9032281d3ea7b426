/** The streams that are open, counted by client: who may open one more, and what each was told. */
import type { ClientStatus } from './client-status.ts';
import { streamsPerClientMax } from './limits.ts';

export interface RegisteredStream {
  readonly key: string;
  status(): ClientStatus;
  close(reason: string): void;
}

export class StreamRegistry {
  private readonly streams = new Map<number, RegisteredStream>();
  private readonly counts = new Map<string, number>();
  private opened = 0;

  /** @returns the number of the stream, or undefined if its client has as many as it may. */
  add(stream: RegisteredStream): number | undefined {
    const count = this.counts.get(stream.key) ?? 0;
    if (count >= streamsPerClientMax) return undefined;
    this.opened += 1;
    this.streams.set(this.opened, stream);
    this.counts.set(stream.key, count + 1);
    return this.opened;
  }

  remove(number: number): void {
    const stream = this.streams.get(number);
    if (stream === undefined) return;
    this.streams.delete(number);
    const count = (this.counts.get(stream.key) ?? 0) - 1;
    if (count > 0) this.counts.set(stream.key, count);
    else this.counts.delete(stream.key);
  }

  all(): readonly RegisteredStream[] {
    return [...this.streams.values()];
  }
}
