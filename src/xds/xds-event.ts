/** What the server tells its host: one event per thing that happened, in order, per stream. */
import type { AbsentAsked } from './absent-asked.ts';
import type { Answered } from './protocol.ts';
import type { NackCause } from './type-state.ts';

export interface StreamRef {
  /** Unique in this process. */
  readonly stream: number;
  readonly protocol: 'sotw' | 'delta';
  /** Client key given at authentication. */
  readonly key: string;
}

export type XdsEvent =
  | ({ readonly kind: 'stream-opened'; readonly nodeId: string; readonly address: string } & StreamRef)
  | ({ readonly kind: 'stream-closed'; readonly reason: string } & StreamRef)
  /** Before a client is known: nothing was served. `reason` is for our log only. */
  | { readonly kind: 'refused'; readonly address: string; readonly status: string; readonly reason: string }
  | ({
      readonly kind: 'pushed';
      readonly typeUrl: string;
      readonly nonce: string;
      readonly version: string;
      readonly revision: string;
      readonly resources: number;
      readonly removed: number;
      readonly bytes: number;
    } & StreamRef)
  /** What the client will drop was kept alive. A heartbeat that is accepted is no event; one that is refused is `nacked`. */
  | ({
      readonly kind: 'heartbeat';
      readonly typeUrl: string;
      readonly nonce: string;
      readonly resources: number;
    } & StreamRef)
  /** The client has dropped these by their TTL, or may have, and is not sent them again for as long as they lie there. */
  | ({ readonly kind: 'lapsed'; readonly typeUrl: string; readonly names: readonly string[] } & StreamRef)
  | ({ readonly kind: 'acked'; readonly typeUrl: string } & Answered & StreamRef)
  | ({ readonly kind: 'nacked'; readonly typeUrl: string; readonly cause: NackCause } & Answered & StreamRef)
  /**
   * The client asks for these no longer: nothing that it holds refers to them, so it drops them by itself. Envoy says so
   * of a cluster's endpoints before it acknowledges that the cluster is gone, and then nobody tells it of the endpoints.
   */
  | ({ readonly kind: 'unsubscribed'; readonly typeUrl: string; readonly names: readonly string[] } & StreamRef)
  /** The client asked by name for what it may not have or does not exist: once for each name and stream. */
  | ({ readonly kind: 'absent-asked'; readonly typeUrl: string } & AbsentAsked & StreamRef)
  /** An open stream's client could not be judged again; it stays as it is until the next time. */
  | ({ readonly kind: 'recheck-failed'; readonly reason: string } & StreamRef)
  /** The nonce was not that of the newest response. */
  | ({ readonly kind: 'stale-nonce'; readonly typeUrl: string; readonly nonce: string } & StreamRef)
  /** The request was ignored: the stream asks for `typesPerStreamMax` types already. */
  | ({ readonly kind: 'too-many-types'; readonly typeUrl: string } & StreamRef)
  /** A later request named another node; it was served as the first one. */
  | ({ readonly kind: 'node-ignored' } & StreamRef)
  /** The client stopped reading; the stream is ended. */
  | ({ readonly kind: 'write-stalled' } & StreamRef);
