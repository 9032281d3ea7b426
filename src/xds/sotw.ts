/**
 * State of the world: each request carries all names, each response of LDS and CDS carries all resources.
 *
 * Responses of other types carry only what changed, and cannot delete: a client drops such a resource when what
 * refers to it goes. The version is the hash of what is sent, so that a reconnecting client which names the version
 * of the present LDS or CDS is told nothing.
 * The surprise: a request with an old nonce is no answer, yet it may only shrink the subscription. Otherwise a client
 * that unsubscribes in passing and subscribes again would see no change and wait for ever (envoy issue 10363).
 */
import { isOfHeartbeat } from './heartbeat.ts';
import {
  answered,
  answeredHeartbeat,
  type Content,
  type Protocol,
  type Question,
  type Received,
  type XdsRequest,
} from './protocol.ts';
import { type Listing, listingVersion, type Resource } from './resource.ts';
import { legacyWildcard, type Subscription, subscriptionTo, wants } from './subscription.ts';
import { resubscribed, type TypeState } from './type-state.ts';
import { hasLegacyWildcard, isFullState } from './type-url.ts';

export interface SotwRequest extends XdsRequest {
  readonly names: readonly string[];
  /** `version_info`: the last accepted version, empty if none. */
  readonly version: string;
}

/** What a client must be able to do before a resource may come to it in a wrapper, with a TTL. */
const ttlFeatures = ['xds.config.supports-resource-in-sotw', 'xds.config.supports-resource-ttl'] as const;

export const sotw: Protocol<SotwRequest> = {
  receive(state, request, listing) {
    if (!state.begun) return { state: begin(state, request, listing), note: { kind: 'none' } };
    if (isOfHeartbeat(request.nonce)) {
      const { state: next, note } = answeredHeartbeat(state, request.nonce, request.error);
      const newest = request.nonce === state.nonce;
      return { state: newest ? resubscribe(next, request.names) : shrink(next, request.names), note };
    }
    if (state.nonce !== '' && request.nonce !== state.nonce) {
      return { state: shrink(state, request.names), note: { kind: 'stale-nonce', nonce: request.nonce } };
    }
    const { outstanding } = state;
    const reply: Received =
      outstanding === undefined ? { state, note: { kind: 'none' } } : answered(state, outstanding, request.error);
    return { state: resubscribe(reply.state, request.names), note: reply.note };
  },

  canSayAbsent: isFullState,

  takesTtl: (clientFeatures) => ttlFeatures.every((feature) => clientFeatures.includes(feature)),

  // A response of heartbeats alone would say of everything else in a full-state type that it is gone.
  canBeat: (typeUrl) => !isFullState(typeUrl),

  // The client knows a heartbeat by the `version_info` that it accepted last.
  mayBeat: ({ outstanding }) => outstanding === undefined,

  compose(typeUrl, state, question) {
    return isFullState(typeUrl) ? whole(state, question) : part(question);
  },
};

function begin(state: TypeState, { typeUrl, names, version }: SotwRequest, listing: Listing | undefined): TypeState {
  const silent = names.length === 0 && hasLegacyWildcard(typeUrl);
  const subscription = silent ? legacyWildcard : subscriptionTo(names);
  if (!isFullState(typeUrl)) return resubscribed(state, subscription, subscription.names);
  const wanted = listing === undefined ? undefined : wantedOf(subscription, listing);
  if (wanted === undefined || version === '' || version !== listingVersion(wanted)) {
    return { ...resubscribed(state, subscription, subscription.names), answerDue: true };
  }
  return { ...resubscribed(state, subscription, []), held: wanted, sentVersion: version, ackedVersion: version };
}

function resubscribe(state: TypeState, list: readonly string[]): TypeState {
  const { subscription } = state;
  if (subscription.wildcard === 'legacy' && list.length === 0) return state;
  const next = subscriptionTo(list);
  if (next.wildcard === subscription.wildcard && sameNames(next.names, subscription.names)) return state;
  return resubscribed(
    state,
    next,
    [...next.names].filter((name) => !subscription.names.has(name)),
  );
}

function shrink(state: TypeState, list: readonly string[]): TypeState {
  const { subscription } = state;
  if (subscription.wildcard === 'legacy') return state;
  const asked = subscriptionTo(list);
  const names = new Set([...subscription.names].filter((name) => asked.names.has(name)));
  const wildcard = asked.wildcard === 'none' ? 'none' : subscription.wildcard;
  if (wildcard === subscription.wildcard && names.size === subscription.names.size) return state;
  return resubscribed(state, { wildcard, names }, []);
}

function whole(state: TypeState, { listing, pending, phase }: Question): Content {
  const wanted = wantedOf(state.subscription, listing);
  const kept: Resource[] = [];
  const removed = [...pending.missing];
  for (const name of pending.gone) {
    const held = state.held.get(name);
    if (phase === 'update' && held !== undefined && 'any' in held) kept.push(held);
    else removed.push(name);
  }
  const told = kept.length === 0 ? wanted : new Map([...wanted, ...kept.map((held) => [held.name, held] as const)]);
  return { version: listingVersion(told), resources: [...told.values()], removed };
}

function part({ pending: { changed } }: Question): Content {
  const version = listingVersion(new Map(changed.map((resource) => [resource.name, resource])));
  return { version, resources: changed, removed: [] };
}

function wantedOf(subscription: Subscription, listing: Listing): Listing {
  if (subscription.wildcard !== 'none') return listing;
  return new Map([...listing].filter(([name]) => wants(subscription, name)));
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name));
}
