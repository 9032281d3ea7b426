/**
 * What the two protocols, state of the world and delta, do differently; everything else is shared.
 *
 *   request ──receive──▶ TypeState            pending ──compose──▶ what goes into the next response
 */
import type { Listing, Resource, ResourceSnapshot } from './resource.ts';
import { acked, type NackCause, nacked, type Outstanding, type Pending, type TypeState } from './type-state.ts';

export interface Protocol<Request extends XdsRequest> {
  /** Takes subscription, ACK and NACK. `listing` is undefined where the snapshot does not speak of the type. */
  receive(state: TypeState, request: Request, listing: Listing | undefined): Received;
  /** Whether a response can say that a resource does not exist. */
  canSayAbsent(typeUrl: string): boolean;
  compose(typeUrl: string, state: TypeState, question: Question): Content;
}

export interface XdsRequest {
  readonly typeUrl: string;
  /** `response_nonce`. */
  readonly nonce: string;
  readonly error?: NackCause | undefined;
  /** How many names the request carries, all lists together. */
  readonly namesCount: number;
}

export interface Received {
  readonly state: TypeState;
  readonly note: Note;
}

export type Note =
  | { readonly kind: 'none' }
  | { readonly kind: 'acked'; readonly nonce: string; readonly version: string }
  | { readonly kind: 'nacked'; readonly nonce: string; readonly version: string; readonly cause: NackCause }
  /** A nonce that is not the newest: no ACK and no NACK. */
  | { readonly kind: 'stale-nonce'; readonly nonce: string };

export interface Question {
  readonly snapshot: ResourceSnapshot;
  readonly listing: Listing;
  readonly pending: Pending;
  /** `update`: what is new, nothing taken away; `removal`: what is gone, after everything else. */
  readonly phase: 'update' | 'removal';
}

export interface Content {
  readonly version: string;
  readonly resources: readonly Resource[];
  /** Names the client learns not to exist: written out in delta, by absence in SotW. */
  readonly removed: readonly string[];
}

/** The answer to an outstanding response, which the caller found by its nonce. */
export function answered(state: TypeState, outstanding: Outstanding, error: NackCause | undefined): Received {
  const { nonce, version } = outstanding;
  if (error === undefined) return { state: acked(state, outstanding), note: { kind: 'acked', nonce, version } };
  return { state: nacked(state, outstanding, error), note: { kind: 'nacked', nonce, version, cause: error } };
}
