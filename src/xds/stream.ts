/**
 * One stream as a reducer: what happened, and what is sent because of it.
 *
 *   (state, event) ──▶ take the event in ──▶ plan ──▶ [state, sends, note]
 *
 * A closed stream is no event: its state is a value, and dropping it is all there is to do.
 */
import { namesPerTypeMax, typesPerStreamMax } from './limits.ts';
import { type Plan, plan, type StreamState, snapshotFor, youth } from './order.ts';
import type { Note, Protocol, XdsRequest } from './protocol.ts';
import type { ResourceSnapshot } from './resource.ts';
import { newTypeState, type TypeState } from './type-state.ts';

export type StreamEvent<R extends XdsRequest> =
  | { readonly kind: 'request'; readonly request: R }
  | { readonly kind: 'snapshot'; readonly snapshot: ResourceSnapshot }
  /** What the last plan was `waitingFor` was waited for long enough. */
  | { readonly kind: 'ack-wait-over'; readonly nonce: string };

export type Step =
  | ({ readonly kind: 'step'; readonly note: Note | { readonly kind: 'too-many-types' } } & Plan)
  /** The client asked for more than one stream may hold. */
  | { readonly kind: 'too-many-names'; readonly count: number };

export function newStreamState(snapshot: ResourceSnapshot): StreamState {
  return { types: new Map(), target: snapshot, newest: snapshot, underway: false, nonces: 0, young: true };
}

export function step<R extends XdsRequest>(protocol: Protocol<R>, state: StreamState, event: StreamEvent<R>): Step {
  switch (event.kind) {
    case 'request':
      return takeRequest(protocol, state, event.request);
    case 'snapshot':
      return { kind: 'step', note: { kind: 'none' }, ...plan(protocol, { ...state, newest: event.snapshot }) };
    case 'ack-wait-over':
      return { kind: 'step', note: { kind: 'none' }, ...plan(protocol, giveUpWaiting(state, event.nonce)) };
  }
}

function takeRequest<R extends XdsRequest>(protocol: Protocol<R>, state: StreamState, request: R): Step {
  const { typeUrl, namesCount } = request;
  if (namesCount > namesPerTypeMax) return { kind: 'too-many-names', count: namesCount };
  const known = state.types.get(typeUrl);
  if (known === undefined && state.types.size >= typesPerStreamMax) {
    return { kind: 'step', note: { kind: 'too-many-types' }, state, sends: [], waitingFor: undefined };
  }
  const listing = snapshotFor(state, typeUrl).types.get(typeUrl);
  const received = protocol.receive(known ?? newTypeState, request, listing);
  const count = received.state.subscription.names.size;
  if (count > namesPerTypeMax) return { kind: 'too-many-names', count };
  const next = withType(state, typeUrl, received.state);
  return { kind: 'step', note: received.note, ...plan(protocol, next) };
}

function giveUpWaiting(state: StreamState, nonce: string): StreamState {
  if (nonce === youth) return { ...state, young: false };
  for (const [typeUrl, type] of state.types) {
    if (type.outstanding?.nonce !== nonce) continue;
    return withType(state, typeUrl, { ...type, outstanding: { ...type.outstanding, overdue: true } });
  }
  return state;
}

function withType(state: StreamState, typeUrl: string, type: TypeState): StreamState {
  return { ...state, types: new Map(state.types).set(typeUrl, type) };
}
