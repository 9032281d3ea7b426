/**
 * The port a user implements: one request in, one decision out, at once where it can be.
 *
 * A judge holds its policy in memory; what it may have to wait for is who bears a token. Such a wait is bounded by the
 * checker. What a judge throws, rejects with or does not say in time is answered as unavailable: nothing that goes wrong
 * in here opens a door.
 */
import type { AccessRequest } from './access-request.ts';

export interface Judge {
  judge(request: AccessRequest, asker: Asker): Decision | Promise<Decision>;
}

/** Who asks, by the client certificate of its own connection to us: the proxy, where `request.principal` is its caller. */
export interface Asker {
  /** Empty without a SPIFFE ID; an SVID has exactly one. */
  readonly spiffeUris: readonly string[];
}

export type Decision =
  | {
      readonly kind: 'allow';
      /** Name of the rule that allows. */
      readonly rule: string;
      /** Which policy judged. */
      readonly revision: string;
      /** Code of the reason why it would have been denied, were policies under audit enforced; absent where it would not. */
      readonly audited?: string;
    }
  | {
      readonly kind: 'deny';
      /** A stable code, such as `no-allow-rule`. For the record, not for the caller. */
      readonly reason: string;
      /** Name of the rule that denies, where it is one. */
      readonly rule?: string;
      readonly revision: string;
      /** A sentence for the caller, given only where this caller is entitled to it. */
      readonly publicText?: string;
    }
  /** No verdict can be had now: the caller is answered 503, never 403 and never through. `why` is for the record, not for the asker. */
  | { readonly kind: 'unavailable'; readonly why: string };
