/**
 * What the two protocols, state of the world and delta, do differently; everything else is shared.
 *
 *   request ──receive──▶ TypeState            pending ──compose──▶ what goes into the next response
 */

import { beatRefused } from './heartbeat.ts';
import type { Listing, Resource, ResourceSnapshot } from './resource.ts';
import { acked, type NackCause, nacked, type Outstanding, type Pending, type TypeState } from './type-state.ts';

export interface Protocol<Request extends XdsRequest> {
  /** Takes subscription, ACK and NACK. `listing` is undefined where the snapshot does not speak of the type. */
  receive(state: TypeState, request: Request, listing: Listing | undefined): Received;
  /** Whether a response can say that a resource does not exist. */
  canSayAbsent(typeUrl: string): boolean;
  /** Whether a client with these `client_features` drops resources by their TTL. */
  takesTtl(clientFeatures: readonly string[]): boolean;
  /** Whether resources of this type can have a TTL. */
  canBeat(typeUrl: string): boolean;
  /** Whether the client would know a heartbeat of this resource now. */
  mayBeat(state: TypeState, name: string): boolean;
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
  | ({ readonly kind: 'acked' } & Answered)
  | ({ readonly kind: 'nacked'; readonly cause: NackCause } & Answered)
  /** It does not hold these any more, and they are not sent again. */
  | { readonly kind: 'lapsed'; readonly names: readonly string[] }
  /** A nonce that is not the newest: no ACK and no NACK. */
  | { readonly kind: 'stale-nonce'; readonly nonce: string };

/** A response that the client answered. */
export interface Answered {
  readonly nonce: string;
  readonly version: string;
  /** Version of each resource in it, by name. */
  readonly resources: ReadonlyMap<string, string>;
  /** Names held before that it said do not exist: written out in delta, by absence where SotW can say so. */
  readonly removed: readonly string[];
}

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
  const { nonce, version, sent: resources, removed } = outstanding;
  if (error === undefined)
    return { state: acked(state, outstanding), note: { kind: 'acked', nonce, version, resources, removed } };
  return {
    state: nacked(state, outstanding, error),
    note: { kind: 'nacked', nonce, version, resources, removed, cause: error },
  };
}

/** The answer to a heartbeat. That it was heard is nothing new. */
export function answeredHeartbeat(state: TypeState, nonce: string, error: NackCause | undefined): Received {
  if (error === undefined) return { state, note: { kind: 'none' } };
  const { state: next, resources, lapsed } = beatRefused(state);
  if (resources.size === 0) return { state, note: { kind: 'stale-nonce', nonce } };
  // It holds them no more, and that is all its refusal says.
  if (lapsed.length === resources.size) return { state: next, note: { kind: 'lapsed', names: lapsed } };
  const { ackedVersion: version } = state;
  return {
    state: { ...next, nack: { nonce, version, ...error } },
    note: { kind: 'nacked', nonce, version, resources, removed: [], cause: error },
  };
}
