/**
 * One stream as a reducer: what happened, and what is sent because of it.
 *
 *   (state, event) ──▶ take the event in ──▶ plan ──▶ [state, sends, note]
 *
 * A closed stream is no event: its state is a value, and dropping it is all there is to do.
 */
import { type AbsentAsked, noteAbsent } from './absent-asked.ts';
import { beat, type Lapsed, nextBeatAtMs, told } from './heartbeat.ts';
import { namesPerTypeMax, nameUnitsPerStreamMax, typesPerStreamMax } from './limits.ts';
import { type Plan, plan, type StreamState, snapshotFor, withType, youth } from './order.ts';
import type { Note, Protocol, Received, XdsRequest } from './protocol.ts';
import type { ResourceSnapshot } from './resource.ts';
import { type Subscription, wants } from './subscription.ts';
import { newTypeState, pendingOf, type TypeState } from './type-state.ts';
import { isEntitlement } from './type-url.ts';

export type StreamEvent<R extends XdsRequest> =
  | { readonly kind: 'request'; readonly request: R }
  | { readonly kind: 'snapshot'; readonly snapshot: ResourceSnapshot }
  /** What the last plan was `waitingFor` was waited for long enough. */
  | { readonly kind: 'ack-wait-over'; readonly nonce: string }
  /** The time of `nextBeatAtMs` has come. */
  | { readonly kind: 'heartbeat-due' };

export type Step =
  | ({
      readonly kind: 'step';
      readonly note: Note | { readonly kind: 'too-many-types' };
      /** Names that the request took away. */
      readonly unsubscribed: readonly string[];
      /** What the operator is to hear that the request asked for. */
      readonly absent: AbsentAsked | undefined;
      /** What the client may have dropped by the time of a heartbeat, and is not sent again. */
      readonly lapsed: readonly Lapsed[];
      /** When `heartbeat-due` is to come, in epoch ms; it may be in the past. */
      readonly heartbeatAtMs: number | undefined;
    } & Plan)
  /** The client asked for more than one stream may hold. */
  | { readonly kind: 'too-much'; readonly reason: string };

export function newStreamState(snapshot: ResourceSnapshot, takesTtl: boolean): StreamState {
  const nothingYet = { types: new Map(), order: [], underway: false, nonces: 0, young: true };
  return { ...nothingYet, target: snapshot, newest: snapshot, takesTtl };
}

/** @param nowMs epoch ms at which the event is taken, and what comes of it sent. */
export function step<R extends XdsRequest>(
  protocol: Protocol<R>,
  state: StreamState,
  event: StreamEvent<R>,
  nowMs: number,
): Step {
  switch (event.kind) {
    case 'request':
      return takeRequest(protocol, state, event.request, nowMs);
    case 'snapshot':
      return onward(protocol, { ...state, newest: event.snapshot }, nowMs);
    case 'ack-wait-over':
      return onward(protocol, giveUpWaiting(state, event.nonce), nowMs);
    case 'heartbeat-due': {
      const beaten = beat(protocol, state, nowMs);
      const next = onward(protocol, beaten.state, nowMs);
      return { ...next, lapsed: beaten.lapsed, sends: [...beaten.sends, ...next.sends] };
    }
  }
}

function onward<R extends XdsRequest>(
  protocol: Protocol<R>,
  state: StreamState,
  nowMs: number,
  note: (Step & { kind: 'step' })['note'] = { kind: 'none' },
): Step & { kind: 'step' } {
  const planned = plan(protocol, state);
  const next = told(planned.state, planned.sends, nowMs);
  const heartbeatAtMs = nextBeatAtMs(protocol, next);
  const quietly = { unsubscribed: [], absent: undefined, lapsed: [] };
  return { kind: 'step', note, ...quietly, ...planned, state: next, heartbeatAtMs };
}

function takeRequest<R extends XdsRequest>(protocol: Protocol<R>, state: StreamState, request: R, nowMs: number): Step {
  const { typeUrl, namesCount } = request;
  if (namesCount > namesPerTypeMax) return tooMuch(`${namesCount} names are too many`);
  const known = state.types.get(typeUrl);
  if (known === undefined && state.types.size >= typesPerStreamMax) {
    return onward(protocol, state, nowMs, { kind: 'too-many-types' });
  }
  const listing = snapshotFor(state, typeUrl).types.get(typeUrl);
  const received = protocol.receive(known ?? newTypeState, request, listing);
  const count = received.state.subscription.names.size;
  if (count > namesPerTypeMax) return tooMuch(`${count} names are too many`);
  const { state: type, absent } = audited(state, typeUrl, dated(received, nowMs));
  const next = withType(state, typeUrl, type);
  if (received.state.subscription !== known?.subscription && nameUnitsOf(next) > nameUnitsPerStreamMax) {
    return tooMuch('the names are too long together');
  }
  const unsubscribed = namesLost(known?.subscription, received.state.subscription);
  return { ...onward(protocol, next, nowMs, received.note), unsubscribed, absent };
}

function audited({ types, target, newest }: StreamState, typeUrl: string, type: TypeState) {
  if (!isEntitlement(typeUrl)) return { state: type, absent: undefined };
  // What only the newest holds is on its way; what only the target holds is served still.
  const listings = [target, newest].map((snapshot) => snapshot.types.get(typeUrl));
  return noteAbsent(types.get(typeUrl) ?? newTypeState, type, (name) => listings.some((each) => each?.has(name)));
}

function namesLost(before: Subscription | undefined, after: Subscription): readonly string[] {
  if (before === undefined || before === after) return [];
  return [...before.names].filter((name) => !wants(after, name));
}

function tooMuch(reason: string): Step {
  return { kind: 'too-much', reason };
}

/** Of all that the stream asked for and said it holds; what we sent it is ours. */
function nameUnitsOf({ types }: StreamState): number {
  let units = 0;
  for (const { subscription, held } of types.values()) {
    for (const name of subscription.names) units += name.length;
    for (const [name, each] of held) if (!('any' in each)) units += name.length + each.version.length;
  }
  return units;
}

function dated({ state, note }: Received, nowMs: number): TypeState {
  if (note.kind === 'acked') return { ...state, ackedAtMs: nowMs };
  return note.kind === 'nacked' ? { ...state, nackedAtMs: nowMs } : state;
}

function giveUpWaiting(state: StreamState, nonce: string): StreamState {
  if (nonce === youth) return { ...state, young: false };
  for (const [typeUrl, type] of state.types) {
    if (type.outstanding?.nonce !== nonce) continue;
    return withType(state, typeUrl, { ...type, outstanding: { ...type.outstanding, overdue: true } });
  }
  return state;
}

/** Whether every response was answered. */
export function isQuiet({ types }: StreamState): boolean {
  for (const { outstanding } of types.values()) if (outstanding !== undefined) return false;
  return true;
}

/**
 * Whether a first request is that of a client which comes back holding the newest of what it asks for: it told its
 * versions, and nothing would be sent or taken away.
 */
export function isCurrent<R extends XdsRequest>(
  protocol: Protocol<R>,
  snapshot: ResourceSnapshot,
  request: R,
): boolean {
  const listing = snapshot.types.get(request.typeUrl);
  const { state } = protocol.receive(newTypeState, request, listing);
  const { changed, gone } = pendingOf(state, listing);
  return state.held.size > 0 && !state.answerDue && changed.length === 0 && gone.length === 0;
}
