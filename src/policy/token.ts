/**
 * What the bearer token of one request says, once somebody has verified it.
 *
 * Three cases, because a rule must tell them apart: no token is a caller who says nothing of itself, a bad one is a
 * caller who lies or is late, and only a good one carries claims that a rule may speak of.
 */
import type { JsonObject } from '@bufbuild/protobuf';

export type TokenFacts =
  | { readonly kind: 'none' }
  /** `why` is for the record and for callers of the same tenant. */
  | { readonly kind: 'invalid'; readonly why: string }
  | {
      readonly kind: 'valid';
      /** Name of the identity provider, one of the tenant's own. */
      readonly provider: string;
      readonly issuer: string;
      readonly subject: string;
      readonly claims: JsonObject;
      /** As the provider's groups claim has them; empty where it has none. */
      readonly groups: readonly string[];
      /** What the provider says of the bearer elsewhere; absent where the token holds all of it. */
      readonly untold?: Untold | undefined;
      readonly expiresAtMs: number;
    };

/** Not in the token, and not "none" either: whether a rule that asks for it holds, nobody here can know. */
export interface Untold {
  /** Whether the groups are among it. */
  readonly groups: boolean;
  /** Names of claims. */
  readonly claims: readonly string[];
  /** And what to do about it: for the record and for callers of the same tenant. */
  readonly why: string;
}
