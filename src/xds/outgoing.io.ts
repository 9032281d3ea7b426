/**
 * What was written to one call and not yet taken by its transport. A client that takes nothing for `writeStallMs` is
 * one that does not read: with one outstanding response per type it is owed a few messages at most until then.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { writeStallMs } from './limits.ts';
import type { Clock } from './ports.ts';
import type { Response } from './response.ts';
import { Timers } from './timers.ts';

export class Outgoing {
  private readonly call: ServerDuplexStream<Buffer, Response>;
  private readonly timers: Timers<'stall'>;
  private readonly stalled: () => void;
  private readonly taken: () => void;
  private unflushed = 0;
  private over = false;

  /** @param on `stalled`: the client takes nothing; `taken`: all that was written is with the transport. */
  constructor(
    call: ServerDuplexStream<Buffer, Response>,
    clock: Clock,
    on: { readonly stalled: () => void; readonly taken: () => void },
  ) {
    this.call = call;
    this.timers = new Timers(clock);
    this.stalled = on.stalled;
    this.taken = on.taken;
  }

  isIdle(): boolean {
    return this.unflushed === 0;
  }

  write(response: Response): void {
    this.unflushed += 1;
    if (this.unflushed === 1) this.watch();
    this.call.write(response, () => {
      this.unflushed -= 1;
      if (this.over) return;
      if (this.unflushed > 0) return this.watch();
      this.timers.cancel('stall');
      this.taken();
    });
  }

  stop(): void {
    this.over = true;
    this.timers.cancelAll();
  }

  private watch(): void {
    this.timers.set('stall', writeStallMs, this.stalled);
  }
}
