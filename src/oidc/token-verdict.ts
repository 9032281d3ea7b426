/** What a verifier says of one token: who its bearer is, or why nobody. */
import type { JsonMap } from './strict-json.ts';

export type TokenVerdict = ValidToken | InvalidToken;

export interface ValidToken {
  readonly kind: 'valid';
  /** Name of the provider, one of those it was verified against. */
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  readonly claims: JsonMap;
  /** Empty where they are untold. */
  readonly groups: readonly string[];
  /** What the provider says of the bearer elsewhere; absent where the token holds all of it. */
  readonly untold?: Untold | undefined;
  /** Its `exp`, in epoch ms. */
  readonly expiresAtMs: number;
}

/** Neither in the token nor "none". */
export interface Untold {
  /** Whether the groups are among it. */
  readonly groups: boolean;
  /** Names of claims. */
  readonly claims: readonly string[];
  /** And what to do about it. */
  readonly why: string;
}

export interface InvalidToken {
  readonly kind: 'invalid';
  /** For the record and for people of the same tenant: no byte of the token is in it. */
  readonly why: string;
}

export function invalid(why: string): InvalidToken {
  return { kind: 'invalid', why };
}
