/**
 * Says who bears a token, for one tenant's providers, at once where keys and token are known.
 *
 *   token ──seen before, same providers, same keys──▶ verdict
 *     └─▶ read ──iss──▶ one of these providers ──time──▶ ──kid, alg──▶ key ──signature──▶ claims ──▶ verdict, kept
 *                            │ none: nothing here                       │ unknown: newer keys, once in a cool-down
 *
 * Which tenant a request is for decides which providers are passed, and no others exist for it: keys that another
 * tenant's provider left in memory are found only through a provider of this list with the same issuer and address.
 * The surprise: `verify` answers with a promise only where it must fetch keys, and that promise never rejects.
 */
import { hash } from 'node:crypto';
import { isSigned } from './algorithm.ts';
import { type CompactToken, readCompactToken } from './compact-token.ts';
import type { IdentityProvider } from './identity-provider.ts';
import { judgeClaims } from './judge-claims.ts';
import { KeyBook, type KeyCensus, type KeyFetcher, type KeyNews } from './key-book.ts';
import type { KeySet } from './key-set.ts';
import { Lru } from './lru.ts';
import { clockSkewMs, timeObjection } from './token-time.ts';
import { type InvalidToken, invalid, type TokenVerdict, type ValidToken } from './token-verdict.ts';

/** Longest token looked at, in characters. Source: the 200 groups that Entra puts into a token at most take 10,400; Envoy takes 60 KiB of headers. */
export const tokenLengthMax = 12_288;

/** Most of verified tokens that is kept, in characters of tokens: some 6,000 usual ones. */
const validKeptMax = 8 * 1024 * 1024;

/** Most refused tokens that are kept: a flood of forged ones pushes out its like, never a good one. */
const refusedKeptMax = 4_096;

/** How long a refusal after the signature was looked at is kept, in ms: a client that repeats itself costs one verification. */
const refusedKeptMs = 10_000;

interface Providers {
  /** Hash of all that is said of them: what was verified for other providers does not count for these. */
  readonly revision: string;
  readonly byIssuer: ReadonlyMap<string, IdentityProvider>;
}

interface Kept<V extends TokenVerdict> {
  readonly verdict: V;
  readonly untilMs: number;
  readonly provider: IdentityProvider;
  readonly keys: KeySet;
}

export interface TokenVerifierPorts {
  readonly fetchKeys: KeyFetcher;
  /** Told of each fetch of keys; must not throw. */
  readonly report: (news: KeyNews) => void;
}

export class TokenVerifier {
  readonly #book: KeyBook;
  readonly #valid = new Lru<Kept<ValidToken>>(validKeptMax);
  readonly #refused = new Lru<Kept<InvalidToken>>(refusedKeptMax);
  /** By the very list: a tenant's providers are one value until they change. */
  readonly #providers = new WeakMap<readonly IdentityProvider[], Providers>();

  constructor({ fetchKeys, report }: TokenVerifierPorts) {
    this.#book = new KeyBook(fetchKeys, report);
  }

  /**
   * Asks for the keys of these providers, so that the first token need not wait for them.
   * @param providers all that are believed from now on: what is held of others is forgotten.
   */
  prepare(providers: readonly IdentityProvider[], nowMs: number): void {
    this.#book.prepare(providers, nowMs);
  }

  /** What is held of the keys of how many issuers. */
  census(nowMs: number): KeyCensus {
    return this.#book.census(nowMs);
  }

  /**
   * @param providers those of the tenant that the request is for, the same value as long as nothing changed.
   * @param token what stood behind `Bearer`: hostile.
   * @param nowMs epoch ms; a wait for keys, bounded by their fetcher, does not move it.
   */
  verify(providers: readonly IdentityProvider[], token: string, nowMs: number): TokenVerdict | Promise<TokenVerdict> {
    if (token.length > tokenLengthMax) return invalid(`the token is longer than ${tokenLengthMax} characters`);
    const { revision, byIssuer } = this.#read(providers);
    const id = `${revision} ${hash('sha256', token, 'base64url')}`;
    const known = this.#recall(this.#valid, id, nowMs) ?? this.#recall(this.#refused, id, nowMs);
    if (known !== undefined) return known;

    const read = readCompactToken(token);
    if (read.kind === 'invalid') return read;
    const { iss } = read.claims;
    const provider = typeof iss === 'string' ? byIssuer.get(iss) : undefined;
    if (provider === undefined) return invalid('no identity provider of this tenant has the issuer of the token');
    const why = timeObjection(read.claims, nowMs);
    if (why !== undefined) return invalid(why);
    return this.#judge({ id, read, provider, length: token.length }, nowMs, true);
  }

  #judge(asked: Asked, nowMs: number, mayWait: boolean): TokenVerdict | Promise<TokenVerdict> {
    const { id, read, provider, length } = asked;
    const found = this.#book.look(provider, nowMs);
    if (found.kind === 'wait' && mayWait) return this.#judgeAfter(found.fetched, asked, nowMs);
    if (found.kind !== 'keys') return invalid(found.why);
    const { keys } = found;
    const key = keys.find(read.algorithm, read.keyId);
    if (key === undefined) {
      const newer = mayWait ? this.#book.seekNewer(provider, nowMs) : undefined;
      if (newer !== undefined) return this.#judgeAfter(newer, asked, nowMs);
      return invalid('no key of the issuer has the id and the algorithm of the token');
    }
    const verdict = isSigned(read.algorithm, key, read.signedText, read.signature)
      ? judgeClaims(read, provider)
      : invalid('the signature of the token is not the issuer’s');
    if (verdict.kind === 'valid') {
      const untilMs = verdict.expiresAtMs + clockSkewMs;
      this.#valid.set(id, { verdict, untilMs, provider, keys }, length);
    } else {
      this.#refused.set(id, { verdict, untilMs: nowMs + refusedKeptMs, provider, keys }, 1);
    }
    return verdict;
  }

  async #judgeAfter(fetched: Promise<void>, asked: Asked, nowMs: number): Promise<TokenVerdict> {
    await fetched;
    return this.#judge(asked, nowMs, false);
  }

  #recall<V extends TokenVerdict>(kept: Lru<Kept<V>>, id: string, nowMs: number): V | undefined {
    const entry = kept.get(id);
    if (entry === undefined) return undefined;
    if (nowMs < entry.untilMs && this.#book.holds(entry.provider, entry.keys, nowMs)) return entry.verdict;
    kept.delete(id);
    return undefined;
  }

  #read(providers: readonly IdentityProvider[]): Providers {
    const known = this.#providers.get(providers);
    if (known !== undefined) return known;
    const said = providers.map(({ name, preset, issuer, audiences, hostedDomains, ...more }) => [
      ...[name, preset, issuer, audiences, hostedDomains],
      ...[more.jwksUri ?? null, more.groupsClaim ?? null, more.privateHosts ?? []],
    ]);
    const read = {
      revision: hash('sha256', JSON.stringify(said), 'base64url'),
      byIssuer: new Map(providers.map((provider) => [provider.issuer, provider])),
    };
    this.#providers.set(providers, read);
    return read;
  }
}

interface Asked {
  readonly id: string;
  readonly read: CompactToken;
  readonly provider: IdentityProvider;
  readonly length: number;
}
