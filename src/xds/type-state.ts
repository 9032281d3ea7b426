/**
 * What one stream holds of one type: what was asked, what was sent, what was accepted.
 *
 *   subscription + held + due + barred ──pendingOf(listing)──▶ what is missing for the client to hold the newest
 *
 * `held` is optimistic: it says what the client holds if it accepts all that was sent. A NACK makes the versions it
 * concerns unknown and bars the refused ones, so that the same bytes are not sent again, while any other version,
 * also the former one, is.
 */
import type { Listing, Resource } from './resource.ts';
import { noSubscription, type Subscription, wants } from './subscription.ts';

/** A resource the client is believed to hold; without `any` where only its version was told by the client. */
export type Held = Resource | { readonly version: string };

/** A version no content has, so that every listing differs from it: what the client holds is not known. */
export const unknownVersion = '';

export interface Nack {
  readonly nonce: string;
  readonly version: string;
  readonly code: number;
  readonly message: string;
}

export interface Outstanding {
  readonly nonce: string;
  readonly version: string;
  /** Version of each resource in the response. */
  readonly sent: ReadonlyMap<string, string>;
  /** Names held before that the response says do not exist. */
  readonly removed: readonly string[];
  /** `held` as it was before. */
  readonly before: ReadonlyMap<string, Held>;
  /** It replaces something refused: its ACK gives what was refused beside it one more try. */
  readonly releases: boolean;
  /** It was waited for long enough: nothing waits for it any more but itself. */
  readonly overdue: boolean;
}

export interface TypeState {
  readonly subscription: Subscription;
  /** A request of this type was seen on this stream. */
  readonly begun: boolean;
  readonly held: ReadonlyMap<string, Held>;
  /** Names to be sent though they did not change: newly subscribed, or endpoints of a cluster that was sent again. */
  readonly due: ReadonlySet<string>;
  /** A first wildcard request is answered even if there is nothing: Envoy waits for it. */
  readonly answerDue: boolean;
  /** Versions that the client refused, by name; the unknown version where it refused to hear that there is none. */
  readonly barred: ReadonlyMap<string, string>;
  /** Versions that lapsed, by name: not sent again while they lie there, whatever is accepted or refused beside them. */
  readonly lapsed: ReadonlyMap<string, string>;
  readonly outstanding?: Outstanding | undefined;
  /** Of the newest response, empty before the first. */
  readonly nonce: string;
  /** Of the newest response, empty before the first. */
  readonly sentVersion: string;
  readonly ackedVersion: string;
  /** The refusal that is still in force. */
  readonly nack?: Nack | undefined;
  /** Names that were told to be asked for and absent; see absent-asked.ts. */
  readonly absentTold: ReadonlySet<string>;
  /** When the client was last told of a resource that it will drop by its TTL, by name, in epoch ms. See heartbeat.ts. */
  readonly toldAtMs: ReadonlyMap<string, number>;
  /** When the newest response left, and when one was last accepted and refused, in epoch ms; absent if never. */
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  readonly nackedAtMs?: number;
  /** The listing for which nothing was found missing: a memo that every change of this state drops. */
  readonly settledOn?: Listing | undefined;
}

export const newTypeState: TypeState = {
  subscription: noSubscription,
  begun: false,
  held: new Map(),
  due: new Set(),
  answerDue: false,
  barred: new Map(),
  lapsed: new Map(),
  nonce: '',
  sentVersion: '',
  ackedVersion: '',
  absentTold: new Set(),
  toldAtMs: new Map(),
};

/** What must travel for the client to hold `listing`. */
export interface Pending {
  readonly changed: readonly Resource[];
  /** Asked for, to be answered, and not there. */
  readonly missing: readonly string[];
  /** Held, and no longer there. */
  readonly gone: readonly string[];
}

export const nothingPending: Pending = { changed: [], missing: [], gone: [] };

export function pendingOf(state: TypeState, listing: Listing | undefined): Pending {
  if (listing === undefined || state.settledOn === listing) return nothingPending;
  const { subscription, held, due, barred, lapsed } = state;
  const changed: Resource[] = [];
  const missing: string[] = [];
  const gone: string[] = [];
  const consider = (resource: Resource) => {
    const { name, version, ttlMs } = resource;
    const known = held.get(name);
    // Of what a returning client holds by its own word, nobody knows how long it will still hold it.
    const isHeld = known?.version === version && (ttlMs === undefined || 'any' in known);
    const isHeldBack = barred.get(name) === version || lapsed.get(name) === version;
    if (due.has(name) || (!isHeld && !isHeldBack)) changed.push(resource);
  };
  if (subscription.wildcard !== 'none') {
    for (const resource of listing.values()) consider(resource);
  } else {
    for (const name of subscription.names) {
      const resource = listing.get(name);
      if (resource !== undefined) consider(resource);
    }
  }
  for (const name of due) {
    if (!listing.has(name) && wants(subscription, name)) missing.push(name);
  }
  for (const name of held.keys()) {
    if (!listing.has(name) && !due.has(name) && barred.get(name) !== unknownVersion) gone.push(name);
  }
  return { changed, missing, gone };
}

/** Takes a new subscription: names it no longer wants are forgotten, `due` ones are sent whether they changed or not. */
export function resubscribed(state: TypeState, subscription: Subscription, due: Iterable<string>): TypeState {
  const kept = <T>(entries: ReadonlyMap<string, T>) =>
    subscription.wildcard === 'none' ? new Map([...entries].filter(([name]) => subscription.names.has(name))) : entries;
  const stillBarred = kept(state.barred);
  // Of what was refused together, part is wanted no more: the rest may have been innocent.
  const barred = stillBarred.size < state.barred.size ? new Map<string, string>() : state.barred;
  // Names that were never wanted stay due: they are endpoints waiting for the client to ask (see warming.ts).
  const stillDue = [...state.due].filter((name) => wants(subscription, name) || !wants(state.subscription, name));
  const held = kept(state.held);
  return {
    ...state,
    subscription,
    begun: true,
    held,
    due: new Set([...stillDue, ...due]),
    barred,
    lapsed: kept(state.lapsed),
    nack: inForce(state.nack, held),
    settledOn: undefined,
  };
}

/**
 * Of what was refused together, part does not exist any more: the rest gets one more try, and a refusal of nothing but
 * that is over, though the client cannot be told that it is gone.
 */
export function released(state: TypeState, listing: Listing): TypeState {
  const blamable = [...state.barred.keys()].every((name) => listing.has(name));
  const lapsed = new Map([...state.lapsed].filter(([name]) => listing.has(name)));
  const isUnchanged = blamable && lapsed.size === state.lapsed.size;
  const next = isUnchanged
    ? state
    : { ...state, barred: blamable ? state.barred : new Map<string, string>(), lapsed, settledOn: undefined };
  if (state.nack === undefined) return next;
  const held = new Map(
    [...state.held].filter(([name, { version }]) => version !== unknownVersion || listing.has(name)),
  );
  return held.size === state.held.size
    ? next
    : { ...next, held, nack: inForce(state.nack, held), settledOn: undefined };
}

/** Drops names from `due` and `held` that cannot be answered now and will be sent once they exist. */
export function postponed(state: TypeState, names: readonly string[]): TypeState {
  const held = new Map(state.held);
  const due = new Set(state.due);
  for (const name of names) {
    held.delete(name);
    due.delete(name);
  }
  return { ...state, held, due, settledOn: undefined };
}

/**
 * Notes that nothing is missing. A client that holds all of a listing shares it instead of owning a copy.
 * @param gone what it holds that is in no listing, and cannot be told.
 */
export function settled(state: TypeState, listing: Listing, gone: readonly string[]): TypeState {
  const holdsNoOther = isUntroubled(state) && state.due.size === 0 && gone.length === 0;
  const holdsAll = holdsNoOther && state.held.size === listing.size;
  return { ...state, held: holdsAll ? listing : state.held, settledOn: listing };
}

/** Nothing is kept from it. */
function isUntroubled({ barred, lapsed }: TypeState): boolean {
  return barred.size + lapsed.size === 0;
}

const noNames = new Set<string>();
const noVersions = new Map<string, string>();

interface Sent {
  readonly nonce: string;
  readonly version: string;
  readonly resources: readonly Resource[];
  /** Names the client is told do not exist. */
  readonly removed: readonly string[];
}

/** @param whole the listing, if after this nothing of it is missing and nothing is held that is not in it. */
export function sent(state: TypeState, { nonce, version, resources, removed }: Sent, whole?: Listing): TypeState {
  const held = heldAfter(state, resources, removed, whole);
  // Of these there are seldom any: where there are none, nothing is taken from them below.
  const due = state.due.size === 0 ? noNames : new Set(state.due);
  const barred = state.barred.size === 0 ? noVersions : new Map(state.barred);
  const lapsed = state.lapsed.size === 0 ? noVersions : new Map(state.lapsed);
  let releases = false;
  for (const resource of resources) {
    due.delete(resource.name);
    lapsed.delete(resource.name);
    releases = barred.delete(resource.name) || releases;
  }
  for (const name of removed) {
    due.delete(name);
    lapsed.delete(name);
    releases = barred.delete(name) || releases;
  }
  const forgotten = removed.filter((name) => state.held.has(name));
  const versions = new Map(resources.map((resource) => [resource.name, resource.version]));
  return {
    ...state,
    held,
    due,
    barred,
    lapsed,
    answerDue: false,
    nonce,
    sentVersion: version,
    outstanding: { nonce, version, sent: versions, removed: forgotten, before: state.held, releases, overdue: false },
    settledOn: undefined,
  };
}

/** Two thousand streams that are sent one resource of a hundred share the listing, and copy nothing. */
function heldAfter(
  state: TypeState,
  resources: readonly Resource[],
  removed: readonly string[],
  whole: Listing | undefined,
): ReadonlyMap<string, Held> {
  if (whole !== undefined && isUntroubled(state)) {
    let size = state.held.size;
    for (const { name } of resources) if (!state.held.has(name)) size += 1;
    if (size === whole.size) return whole;
  }
  const held = new Map(state.held);
  for (const resource of resources) held.set(resource.name, resource);
  for (const name of removed) held.delete(name);
  return held;
}

export function acked(state: TypeState, { version, releases }: Outstanding): TypeState {
  // What is missing does not depend on what was answered, unless something is tried once more.
  const { barred, settledOn } = releases ? { barred: noVersions, settledOn: undefined } : state;
  return {
    ...state,
    outstanding: undefined,
    ackedVersion: version,
    barred,
    nack: inForce(state.nack, state.held),
    settledOn,
  };
}

/** A refusal lasts while it is unknown what the client holds because of it. */
function inForce(nack: Nack | undefined, held: ReadonlyMap<string, Held>): Nack | undefined {
  if (nack === undefined) return undefined;
  return [...held.values()].some(({ version }) => version === unknownVersion) ? nack : undefined;
}

export function nacked(
  state: TypeState,
  { nonce, version, sent, removed, before }: Outstanding,
  cause: NackCause,
): TypeState {
  const held = new Map(state.held);
  const barred = new Map(state.barred);
  for (const [name, refused] of sent) {
    if (!held.has(name)) continue;
    held.set(name, { ...before.get(name), version: unknownVersion });
    barred.set(name, refused);
  }
  for (const name of removed) {
    if (!wants(state.subscription, name)) continue;
    held.set(name, { ...before.get(name), version: unknownVersion });
    barred.set(name, unknownVersion);
  }
  const refusal: Nack = { nonce, version, ...cause };
  // An empty response can be refused as well, and leaves nothing unknown.
  const nack = sent.size === 0 ? refusal : inForce(refusal, held);
  return { ...state, held, barred, outstanding: undefined, nack, settledOn: undefined };
}

/** What the client may have lost: it is sent again as if it had never been. */
export function disbelieved(state: TypeState, names: readonly string[]): TypeState {
  if (names.length === 0) return state;
  const held = new Map(state.held);
  for (const name of names) held.set(name, { ...held.get(name), version: unknownVersion });
  return { ...state, held, settledOn: undefined };
}

/** What the client may have lost, and is not to be sent again in this version. */
export function lapsedOf(state: TypeState, names: readonly string[]): TypeState {
  if (names.length === 0) return state;
  const versions = names.map((name) => [name, state.held.get(name)?.version ?? unknownVersion] as const);
  return { ...disbelieved(state, names), lapsed: new Map([...state.lapsed, ...versions]) };
}

export interface NackCause {
  readonly code: number;
  readonly message: string;
}
