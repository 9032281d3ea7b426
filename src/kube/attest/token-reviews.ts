/**
 * Asks the API server about tokens: each seldom, few at once, and what it said is kept for a while.
 *
 *   token ──asked lately?──▶ that answer       otherwise ──line──▶ TokenReview ──▶ answer | nobody answered
 *                                                                                  └──▶ what was said before, within grace
 *
 * A proxy shows one token on several streams, each judged twice a minute: the API server is asked about it once in two
 * minutes, and where its pod changed meanwhile, at once. An API server that is silent takes nothing away from whom it
 * vouched for before, for as long as `graceMs`; whom it never vouched for is not let in. Tokens are kept by hash.
 */
import { createHash } from 'node:crypto';
import type { Outcome } from '../objects.ts';
import { type Reviewed, readReview } from './token-review.ts';

/** Longest time that an answer is believed, in ms; by its hash each token is asked about between half and all of it. Source: a kubelet's own default for TokenReviews. */
export const believedMs = 120_000;
/** Longest time that a token which was good is believed while nobody answers, in ms: an API server that is away for ten minutes costs no stream. */
export const graceMs = 900_000;
/** Time that a refusal is repeated without asking, in ms: a proxy comes back every second. */
const refusedMs = 5_000;
/** Time that nobody is asked again about a token that is good by grace, in ms. */
const pauseMs = 5_000;
/** Longest wait for an answer, in ms, less than a proxy has time to be admitted. One that comes later still counts for the next. */
export const reviewMaxMs = 5_000;
/** Reviews under way at once. */
const reviewsAtOnceMax = 16;
/** Tokens that wait for their review; who comes later is not answered. */
const waitingMax = 1_024;
/** Tokens of one address under way or waiting: what is made up at one place keeps no other place waiting. */
export const reviewsPerAddressMax = 8;
/** Tokens that are remembered: two for each proxy of a cell. */
const rememberedMax = 25_000;
/** Refused tokens that are remembered. */
const refusalsMax = 1_024;

export interface ReviewPorts {
  /** Asks; does not throw. */
  review(token: string): Promise<Outcome>;
  readonly audience: string;
  nowMs(): number;
  /** Calls `then` once, after `ms`. @returns cancels it. */
  setTimer(ms: number, then: () => void): () => void;
  /** Told of each review that was answered or not. Must not throw. */
  observe(event: ReviewEvent): void;
}

export type ReviewEvent =
  | { readonly kind: 'answered' }
  /** `forbidden`: we may not ask, until somebody allows it. */
  | { readonly kind: 'forbidden' | 'unanswered'; readonly message: string };

export type TokenAnswer = Reviewed | { readonly kind: 'unanswered' };

interface Remembered {
  readonly reviewed: Reviewed;
  /** Epoch ms at which it was asked for. */
  readonly askedMs: number;
}

export class TokenReviews {
  readonly #ports: ReviewPorts;
  readonly #good = new Map<string, Remembered>();
  readonly #refused = new Map<string, Remembered>();
  readonly #asking = new Map<string, Promise<Reviewed | undefined>>();
  readonly #ofAddress = new Map<string, number>();
  readonly #line: (() => void)[] = [];
  #underWay = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(ports: ReviewPorts) {
    this.#ports = ports;
  }

  /**
   * @param token of a form that could be one.
   * @param newsMs epoch ms: what was asked for before is of before something changed.
   * @param address of who shows it, `host:port`.
   */
  async of(token: string, newsMs: number, address: string): Promise<TokenAnswer> {
    const hash = createHash('sha256').update(token).digest('base64');
    const nowMs = this.#ports.nowMs();
    const refusal = this.#refused.get(hash);
    if (refusal !== undefined && isWithin(refusal, nowMs, refusedMs)) return refusal.reviewed;
    const known = this.#good.get(hash);
    if (known !== undefined) {
      const isFresh = known.askedMs >= newsMs && isWithin(known, nowMs, freshMsOf(hash));
      const isPaused = nowMs < this.#pausedUntilMs && isWithin(known, nowMs, graceMs);
      if (isFresh || isPaused) return known.reviewed;
    }
    const reviewed = await this.#answerInTime(hash, token, hostOf(address));
    if (reviewed !== undefined) return reviewed;
    const isGood = known !== undefined && isWithin(known, this.#ports.nowMs(), graceMs);
    return isGood ? known.reviewed : { kind: 'unanswered' };
  }

  async #answerInTime(hash: string, token: string, host: string): Promise<Reviewed | undefined> {
    const asking = this.#asking.get(hash) ?? this.#ask(hash, token, host);
    if (asking === undefined) return undefined;
    const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
    const cancel = this.#ports.setTimer(reviewMaxMs, () => resolve(undefined));
    const reviewed = await Promise.race([asking, tooLate]);
    cancel();
    return reviewed;
  }

  /** @returns undefined where too many wait already. */
  #ask(hash: string, token: string, host: string): Promise<Reviewed | undefined> | undefined {
    const ofAddress = this.#ofAddress.get(host) ?? 0;
    if (ofAddress >= reviewsPerAddressMax || this.#line.length >= waitingMax) return undefined;
    this.#ofAddress.set(host, ofAddress + 1);
    const asking = this.#inTurn(() => this.#review(hash, token)).finally(() => {
      this.#asking.delete(hash);
      const left = (this.#ofAddress.get(host) ?? 0) - 1;
      if (left > 0) this.#ofAddress.set(host, left);
      else this.#ofAddress.delete(host);
    });
    this.#asking.set(hash, asking);
    return asking;
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#underWay >= reviewsAtOnceMax) await new Promise<void>((resolve) => this.#line.push(resolve));
    else this.#underWay += 1;
    try {
      return await work();
    } finally {
      // Whoever is next takes the place over, so that nobody slips in between.
      const next = this.#line.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }

  async #review(hash: string, token: string): Promise<Reviewed | undefined> {
    const { review, audience, nowMs, observe } = this.#ports;
    const askedMs = nowMs();
    const outcome = await review(token);
    const reviewed = outcome.kind === 'done' ? readReview(outcome.object, audience) : undefined;
    if (reviewed === undefined) {
      this.#pausedUntilMs = nowMs() + pauseMs;
      observe(failureOf(outcome));
      return undefined;
    }
    this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
    observe({ kind: 'answered' });
    this.#good.delete(hash);
    this.#refused.delete(hash);
    if (reviewed.kind === 'bound') remember(this.#good, hash, { reviewed, askedMs }, rememberedMax);
    else remember(this.#refused, hash, { reviewed, askedMs }, refusalsMax);
    return reviewed;
  }
}

/** A clock that was set back is no reason to believe longer. */
function isWithin({ askedMs }: Remembered, nowMs: number, ms: number): boolean {
  return askedMs <= nowMs && nowMs < askedMs + ms;
}

/** Spread by the token, so that what was asked in one moment is not asked again in one. */
function freshMsOf(hash: string): number {
  return believedMs * (1 - Buffer.from(hash, 'base64').readUInt16BE() / 0x1_ffff);
}

/** At the end of the order in which they are forgotten. */
function remember(where: Map<string, Remembered>, hash: string, what: Remembered, max: number): void {
  where.set(hash, what);
  const [oldest] = where.size > max ? where.keys() : [];
  if (oldest !== undefined) where.delete(oldest);
}

/** A port is drawn for every connection. */
function hostOf(address: string): string {
  return address.slice(0, Math.max(address.lastIndexOf(':'), 0));
}

function failureOf(outcome: Outcome): ReviewEvent {
  switch (outcome.kind) {
    case 'refused': {
      const { status, message } = outcome;
      return { kind: status === 401 || status === 403 ? 'forbidden' : 'unanswered', message };
    }
    case 'unanswered':
    case 'conflict':
      return { kind: 'unanswered', message: outcome.message };
    case 'missing':
      return { kind: 'unanswered', message: 'the API server has no TokenReviews' };
    case 'done':
      return { kind: 'unanswered', message: 'the API server answered something that is no TokenReview' };
  }
}
