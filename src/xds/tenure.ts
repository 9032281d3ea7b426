/**
 * How long a client keeps its stream: until its credentials expire, are no good any more, or the stream is old.
 *
 *   admitted ──recheck──▶ still who it was ──recheck──▶ …       every end makes the client prove itself anew
 *
 * Who is refused leaves; a judge who cannot say keeps nobody out, since what is served then is what was served before,
 * and the expiry of the credentials stands.
 */
import { jitterOf } from './jitter.ts';
import { recheckMs, streamAge } from './limits.ts';
import type { Admission, Clock } from './ports.ts';
import { Timers } from './timers.ts';

export interface TenureOptions {
  readonly clock: Clock;
  /** Who the stream was admitted as. */
  readonly key: string;
  /** Judges the caller again. */
  judge(): Promise<Admission>;
  /** Ends the stream. Is called once at most. */
  end(status: 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'UNAVAILABLE', reason: string): void;
  recheckFailed(reason: string): void;
}

export class Tenure {
  private readonly options: TenureOptions;
  private readonly timers: Timers<'age' | 'expiry' | 'recheck'>;
  private asking = false;
  /** There was news while the judge was asked: what he says may be of before. */
  private askAgain = false;
  private over = false;

  constructor(options: TenureOptions) {
    this.options = options;
    this.timers = new Timers(options.clock);
  }

  /** @param expiresAtMs of the credentials, in epoch ms. */
  begin(expiresAtMs: number | undefined): void {
    const jitter = jitterOf(this.options.key);
    const ageMs = streamAge.maxMs * (1 - streamAge.jitter * jitter);
    this.timers.set('age', ageMs, () => this.end('UNAVAILABLE', 'stream is old'));
    this.recheckAfter(recheckMs * (1 - jitter / 2));
    this.expireAt(expiresAtMs);
  }

  /** Something is known of the client that was not when it was judged. */
  judgeAgain(): void {
    if (this.over) return;
    if (this.asking) this.askAgain = true;
    else void this.recheck();
  }

  stop(): void {
    this.over = true;
    this.timers.cancelAll();
  }

  private expireAt(expiresAtMs: number | undefined): void {
    this.timers.cancel('expiry');
    if (expiresAtMs === undefined) return;
    const left = expiresAtMs - this.options.clock.nowMs();
    if (left <= 0) this.end('UNAUTHENTICATED', 'credentials expired');
    else this.timers.set('expiry', left, () => this.expireAt(expiresAtMs));
  }

  private recheckAfter(ms: number): void {
    this.timers.set('recheck', ms, () => {
      this.recheckAfter(recheckMs);
      // A judge who takes his time is not asked twice.
      if (!this.asking) void this.recheck();
    });
  }

  private async recheck(): Promise<void> {
    this.asking = true;
    const judged = await this.options.judge().catch((cause: unknown) => ({ kind: 'unknown', cause }) as const);
    this.asking = false;
    if (this.over) return;
    if (judged.kind === 'unknown') this.options.recheckFailed(String(judged.cause));
    else if (judged.kind === 'refused') this.end(judged.status, judged.reason);
    else if (judged.key !== this.options.key) this.end('UNAUTHENTICATED', `client is \`${judged.key}\` now`);
    else this.expireAt(judged.expiresAtMs);
    if (!this.askAgain) return;
    this.askAgain = false;
    this.judgeAgain();
  }

  private end(...why: Parameters<TenureOptions['end']>): void {
    if (this.over) return;
    this.stop();
    this.options.end(...why);
  }
}
