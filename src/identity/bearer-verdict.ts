/** Who bears a token, on the word of whoever can say: our own issuer, or the API server of a cluster. */
import type { TokenSubject } from './token-claims.ts';

export type BearerVerdict =
  /** `holder`: who of several it is that come as one workload; absent where it is the workload. `expiresAtMs`: epoch ms at which the token ends. */
  | ({ readonly kind: 'ok'; readonly holder?: string; readonly expiresAtMs: number } & TokenSubject)
  /** `reason` is for the log. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nobody can say at the moment. */
  | { readonly kind: 'unanswered' };

export interface BearerJudge {
  /**
   * Asked again and again of an open stream. Never throws.
   * @param token hostile. @param address of who shows it, `host:port`.
   */
  judgeBearer(token: string, address: string): Promise<BearerVerdict>;
}
