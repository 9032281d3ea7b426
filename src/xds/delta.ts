/**
 * Delta: requests add and take away names, responses carry what changed and what is gone.
 *
 * A subscription change is honoured whatever the nonce says: the nonce only pairs ACK and NACK with a response.
 * A name that is subscribed is always answered, held or not, there or not. On a new stream the client tells the
 * versions it holds, and is sent the difference.
 */
import { isOfHeartbeat } from './heartbeat.ts';
import { answered, answeredHeartbeat, type Protocol, type Received, type XdsRequest } from './protocol.ts';
import type { Listing } from './resource.ts';
import { type Subscription, wants } from './subscription.ts';
import { type Held, resubscribed, type TypeState } from './type-state.ts';
import { hasLegacyWildcard } from './type-url.ts';

export interface DeltaRequest extends XdsRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** `initial_resource_versions`: means something only in the first request of a type on a stream. */
  readonly initialVersions: ReadonlyMap<string, string>;
}

export const delta: Protocol<DeltaRequest> = {
  receive(state, request, listing) {
    if (!state.begun) return { state: begin(state, request), note: { kind: 'none' } };
    const reply = answer(state, request);
    return { state: resubscribe(reply.state, request, listing), note: reply.note };
  },

  canSayAbsent: () => true,

  takesTtl: () => true,

  canBeat: () => true,

  // Of what is on its way the client does not hold the version yet, and may refuse it.
  mayBeat: ({ outstanding }, name) => outstanding?.sent.has(name) !== true,

  compose(_typeUrl, _state, { snapshot, pending, phase }) {
    const version = snapshot.revision;
    return phase === 'update'
      ? { version, resources: pending.changed, removed: pending.missing }
      : { version, resources: [], removed: pending.gone };
  },
};

function begin(state: TypeState, request: DeltaRequest): TypeState {
  const { typeUrl, subscribe, unsubscribe, initialVersions } = request;
  const names = new Set(subscribe);
  const silent = names.size === 0 && !unsubscribe.includes('*') && hasLegacyWildcard(typeUrl);
  const wildcard = names.delete('*') ? 'explicit' : silent ? 'legacy' : 'none';
  const due = [...names].filter((name) => !initialVersions.has(name));
  // What the client holds without a wildcard it holds because it had asked for it.
  if (wildcard === 'none') for (const name of initialVersions.keys()) names.add(name);
  for (const name of unsubscribe) names.delete(name);
  const subscription: Subscription = { wildcard, names };
  const held = new Map<string, Held>();
  for (const [name, version] of initialVersions) if (wants(subscription, name)) held.set(name, { version });
  return { ...resubscribed(state, subscription, due), held, answerDue: wildcard !== 'none' && held.size === 0 };
}

function answer(state: TypeState, { nonce, error }: DeltaRequest): Received {
  const { outstanding } = state;
  if (outstanding !== undefined && nonce === outstanding.nonce) return answered(state, outstanding, error);
  if (isOfHeartbeat(nonce)) return answeredHeartbeat(state, nonce, error);
  const spontaneous = nonce === '' || nonce === state.nonce;
  return { state, note: spontaneous ? { kind: 'none' } : { kind: 'stale-nonce', nonce } };
}

function resubscribe(state: TypeState, request: DeltaRequest, listing: Listing | undefined): TypeState {
  const { subscribe, unsubscribe } = request;
  if (subscribe.length === 0 && unsubscribe.length === 0) return state;
  const { subscription } = state;
  const names = new Set(subscription.names);
  const due = new Set<string>();
  let { wildcard } = subscription;
  // Unsubscribing first: a message that names a resource in both lists keeps it.
  for (const name of unsubscribe) {
    if (name === '*') wildcard = 'none';
    // A client that keeps its wildcard cannot know whether the wildcard covers the name: it is told.
    else if (names.delete(name) && wildcard !== 'none') due.add(name);
  }
  for (const name of subscribe) {
    if (name === '*') {
      wildcard = 'explicit';
      for (const each of listing?.keys() ?? []) due.add(each);
    } else {
      names.add(name);
      due.add(name);
    }
  }
  const next: Subscription = { wildcard, names };
  return resubscribed(
    state,
    next,
    [...due].filter((name) => wants(next, name)),
  );
}
