/**
 * The keys of every issuer in use: fetched ahead or when first needed, refreshed behind the back, kept through an outage
 * for a stated time, and then no more.
 *
 *   age      fresh ── as the issuer says, in bounds ──▶ stale, used while newer are fetched ── 24 h ──▶ dead: nobody is believed
 *
 * One rule bounds what strangers can make us do: an issuer is asked at most once in the cool-down, whatever tokens
 * come, so forged key ids cost the issuer nothing. Another bounds what a dead issuer can: after a fetch that failed
 * nobody waits for the next one, so its people are refused at once and hold up nobody else. Keys are held by issuer
 * *and* by address: a tenant that writes another address for somebody's issuer gets a set of its own, and lends it to
 * nobody.
 */
import type { IdentityProvider } from './identity-provider.ts';
import { KeySet } from './key-set.ts';

/** Age up to which keys are used without asking again, in ms, where the issuer's answer does not say. */
export const keysFreshMs = 10 * 60_000;

/** Least of it, in ms, whatever the issuer says: `max-age=0` may not make us ask with every token. */
export const keysFreshMinMs = 60_000;

/** Most of it, in ms: a key that its issuer withdrew is found out at last after so long. Google says some five hours. */
export const keysFreshMaxMs = 3_600_000;

/** Age up to which keys are used where no newer ones can be had, in ms. Longer trusts a withdrawn key longer; shorter lets one bad day of a provider lock everybody out. */
export const keysStaleMs = 24 * 3_600_000;

/** Least time between two fetches of one issuer's keys, in ms. */
export const coolDownMs = 30_000;

/** Most issuers whose keys are held; the one unused for longest goes first. */
export const issuersMax = 1_024;

/** Most tokens that wait for one issuer's keys; the next one is refused at once. */
export const waitersMax = 1_024;

export type KeySource = Pick<IdentityProvider, 'issuer' | 'jwksUri' | 'privateHosts'>;

export interface KeyDocument {
  readonly document: Uint8Array;
  /** How long the host says that it may be kept, in ms; absent where it does not. */
  readonly maxAgeMs?: number | undefined;
}

/** Fetches the JWKS document of an issuer, within a time of its own. Rejects with a sentence for the record. */
export type KeyFetcher = (source: KeySource) => Promise<KeyDocument>;

/** What became of one fetch. */
export type KeyNews =
  | {
      readonly kind: 'fetched';
      readonly issuer: string;
      readonly keys: number;
      readonly changed: boolean;
      readonly freshMs: number;
    }
  /** `meanwhile`: what its tokens are judged by until a fetch succeeds. */
  | { readonly kind: 'failed'; readonly issuer: string; readonly why: string; readonly meanwhile: KeyState };

/** Of one issuer's keys: `none` where there are none, or none that are young enough. */
export type KeyState = 'fresh' | 'stale' | 'none';

export interface KeyCensus {
  /** Number of issuers. */
  readonly states: Readonly<Record<KeyState, number>>;
  /** When the oldest keys in use were asked for, in epoch ms; absent where there are none. */
  readonly oldestMs: number | undefined;
}

export type KeyLookup =
  | { readonly kind: 'keys'; readonly keys: KeySet }
  /** None to be used, but some are being fetched; the promise never rejects. */
  | { readonly kind: 'wait'; readonly fetched: Promise<void>; readonly why: string }
  | { readonly kind: 'none'; readonly why: string };

interface Entry {
  readonly source: KeySource;
  held: { readonly keys: KeySet; readonly askedAtMs: number; readonly freshMs: number } | undefined;
  askedAtMs: number | undefined;
  fetching: Promise<void> | undefined;
  waiters: number;
  /** Why the last fetch failed; empty where it did not. */
  failure: string;
}

export class KeyBook {
  readonly #entries = new Map<string, Entry>();
  readonly #fetchKeys: KeyFetcher;
  readonly #report: (news: KeyNews) => void;

  constructor(fetchKeys: KeyFetcher, report: (news: KeyNews) => void) {
    this.#fetchKeys = fetchKeys;
    this.#report = report;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Asks for the keys of these where they are not fresh, and forgets all others.
   * @param sources any of them as often as it likes; of more than `issuersMax` the last wait for their first token.
   */
  prepare(sources: readonly KeySource[], nowMs: number): void {
    const wanted = new Map(sources.map((source) => [idOf(source), source]));
    for (const id of this.#entries.keys()) if (!wanted.has(id)) this.#entries.delete(id);
    for (const source of [...wanted.values()].slice(0, issuersMax)) this.#usable(this.#entryOf(source), nowMs);
  }

  census(nowMs: number): KeyCensus {
    const states = { fresh: 0, stale: 0, none: 0 };
    let oldestMs: number | undefined;
    for (const { held } of this.#entries.values()) {
      const state = stateOf(held, nowMs);
      states[state] += 1;
      if (held !== undefined && state !== 'none') oldestMs = Math.min(held.askedAtMs, oldestMs ?? held.askedAtMs);
    }
    return { states, oldestMs };
  }

  look(source: KeySource, nowMs: number): KeyLookup {
    const entry = this.#entryOf(source);
    const keys = this.#usable(entry, nowMs);
    if (keys !== undefined) return { kind: 'keys', keys };
    const trouble = entry.held === undefined ? 'cannot be had' : 'are too old';
    const why = `the keys of the issuer ${trouble}${entry.failure === '' ? '' : `: ${entry.failure}`}`;
    const fetched = this.#join(entry);
    return fetched === undefined ? { kind: 'none', why } : { kind: 'wait', fetched, why };
  }

  /** For a key id nobody knows: there may be newer keys. @returns `undefined` where the issuer was asked just now, failed last, or too many wait. */
  seekNewer(source: KeySource, nowMs: number): Promise<void> | undefined {
    const entry = this.#entryOf(source);
    this.#askAgain(entry, nowMs);
    return this.#join(entry);
  }

  /** True while these very keys may be used: what was verified with others is verified again. */
  holds(source: KeySource, keys: KeySet, nowMs: number): boolean {
    return this.#usable(this.#entryOf(source), nowMs) === keys;
  }

  #usable(entry: Entry, nowMs: number): KeySet | undefined {
    const state = stateOf(entry.held, nowMs);
    if (state !== 'fresh') this.#askAgain(entry, nowMs);
    return state === 'none' ? undefined : entry.held?.keys;
  }

  #entryOf(source: KeySource): Entry {
    const id = idOf(source);
    const entry: Entry = this.#entries.get(id) ?? {
      source: { issuer: source.issuer, jwksUri: source.jwksUri, privateHosts: source.privateHosts },
      held: undefined,
      askedAtMs: undefined,
      fetching: undefined,
      waiters: 0,
      failure: '',
    };
    // Written again, so that the map's order is that of use.
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= issuersMax) break;
      this.#entries.delete(oldest);
    }
    return entry;
  }

  #join(entry: Entry): Promise<void> | undefined {
    if (entry.fetching === undefined || entry.failure !== '' || entry.waiters >= waitersMax) return undefined;
    entry.waiters += 1;
    return entry.fetching;
  }

  #askAgain(entry: Entry, nowMs: number): void {
    if (entry.fetching !== undefined) return;
    const sinceMs = nowMs - (entry.askedAtMs ?? Number.NEGATIVE_INFINITY);
    // A clock that was set back must not silence us until it has caught up.
    if (sinceMs >= 0 && sinceMs < coolDownMs) return;
    entry.askedAtMs = nowMs;
    entry.fetching = this.#ask(entry, nowMs).then((news) => {
      entry.fetching = undefined;
      entry.waiters = 0;
      this.#report(news);
    });
  }

  /** Never rejects. */
  async #ask(entry: Entry, nowMs: number): Promise<KeyNews> {
    const { issuer } = entry.source;
    try {
      const { document, maxAgeMs = keysFreshMs } = await this.#fetchKeys(entry.source);
      const keys = KeySet.read(document);
      const changed = keys.digest !== entry.held?.keys.digest;
      const freshMs = Math.min(Math.max(maxAgeMs, keysFreshMinMs), keysFreshMaxMs);
      entry.held = { keys: changed || entry.held === undefined ? keys : entry.held.keys, askedAtMs: nowMs, freshMs };
      entry.failure = '';
      return { kind: 'fetched', issuer, keys: keys.size, changed, freshMs };
    } catch (error) {
      entry.failure = error instanceof Error && error.message !== '' ? error.message : 'no reason was given';
      return { kind: 'failed', issuer, why: entry.failure, meanwhile: stateOf(entry.held, nowMs) };
    }
  }
}

function idOf({ issuer, jwksUri, privateHosts }: KeySource): string {
  return JSON.stringify([issuer, jwksUri ?? null, privateHosts ?? []]);
}

function stateOf(held: Entry['held'], nowMs: number): KeyState {
  if (held === undefined) return 'none';
  const ageMs = nowMs - held.askedAtMs;
  // Of keys from the future nobody knows how old they are: the clock was set back.
  if (ageMs >= 0 && ageMs < held.freshMs) return 'fresh';
  return Math.abs(ageMs) < keysStaleMs ? 'stale' : 'none';
}
