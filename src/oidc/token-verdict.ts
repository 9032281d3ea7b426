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
  readonly groups: readonly string[];
  /** Its `exp`, in epoch ms. */
  readonly expiresAtMs: number;
}

export interface InvalidToken {
  readonly kind: 'invalid';
  /** For the record and for people of the same tenant: no byte of the token is in it. */
  readonly why: string;
}

export function invalid(why: string): InvalidToken {
  return { kind: 'invalid', why };
}
