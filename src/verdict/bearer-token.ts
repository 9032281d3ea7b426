/**
 * The bearer token of one request, read from its headers and verified once, if anybody asks.
 *
 * The surprise: two `authorization` lines are a token that is not valid, not the first of two, because the application
 * may go by the other one.
 */
import type { RequestHeaders } from '../authz/request-headers.ts';
import type { IdentityProvider } from '../model/snapshot.ts';
import type { TokenFacts } from '../policy/token.ts';

/** Who knows keys. @returns at once where it need not fetch any; never rejects. */
export interface TokenVerifier {
  verify(providers: readonly IdentityProvider[], token: string, nowMs: number): VerifiedToken | Promise<VerifiedToken>;
}

/** Who fetches keys ahead and renews them. */
export interface KeyKeeper {
  /** @param providers all that any policy believes from now on. */
  keep(providers: readonly IdentityProvider[]): void;
  stop(): void;
}

export type VerifiedToken = Exclude<TokenFacts, { kind: 'none' }>;

export type ReadToken =
  | { readonly kind: 'facts'; readonly facts: TokenFacts }
  | { readonly kind: 'bearer'; readonly token: string };

export function readBearerToken(headers: RequestHeaders): ReadToken {
  const [line, ...others] = headers.lines('authorization');
  if (line === undefined) return facts({ kind: 'none' });
  if (others.length > 0) return invalid('the request has more than one `authorization` header');
  const [, credentials] = /^bearer(?: +(.*))?$/i.exec(line) ?? [];
  if (credentials === undefined) return /^bearer/i.test(line) ? invalid('it is empty') : facts({ kind: 'none' });
  return /^[\w.~+/-]+=*$/.test(credentials)
    ? { kind: 'bearer', token: credentials }
    : invalid('it is not written as a bearer token');
}

function invalid(why: string): ReadToken {
  return facts({ kind: 'invalid', why });
}

function facts(said: TokenFacts): ReadToken {
  return { kind: 'facts', facts: said };
}
