/**
 * Make before break: what may be sent now, given what the client holds and what it should hold.
 *
 *   updates   SDS ─▶ CDS ─▶ EDS ─▶ LDS ─▶ RDS ─▶ others      each behind the ACK, NACK or timeout of the one before
 *   removals  LDS ─▶ RDS, others ─▶ CDS, SDS ─▶ EDS          each behind the ACK of whatever might use it
 *   answers   endpoints and secrets asked for anew, and the endpoints of a cluster sent again: at once, behind nothing
 *
 * The planner is level-triggered: after every event it compares and emits the sends that are allowed, at most one
 * outstanding response per type. A type of which nothing was missing, and whose listing is still the very same value, is
 * passed by: an event costs the types that moved. A roll-out keeps the snapshot it began with (`target`) until all its updates are sent;
 * the snapshots that arrive meanwhile merge into `newest`. Without that, endpoints that change all the time would hold
 * back a route for ever; with it, a route never names a cluster of another snapshot.
 * The surprise: Envoy withholds the ACK of CDS while a cluster warms, and a cluster warms until its endpoints and secrets
 * have come. So answers with those wait for no ACK (they cannot come too early: a client asks for what it was told to
 * use), and no cycle can form, since otherwise a type waits only for those of a lower rank.
 * A NACK does not stop the types behind it, because what comes next may revoke something; it does keep whatever the
 * refused resources might still use.
 */
import type { Protocol, XdsRequest } from './protocol.ts';
import type { Listing, Resource, ResourceSnapshot } from './resource.ts';
import { wants } from './subscription.ts';
import {
  newTypeState,
  nothingPending,
  type Pending,
  pendingOf,
  postponed,
  released,
  sent,
  settled,
  type TypeState,
} from './type-state.ts';
import { isAwaitedByClusters, isIndependent, mayUse, rankOf, referringTypes, typeUrls } from './type-url.ts';
import { warmed } from './warming.ts';

/** Everything one stream knows: a value. */
export interface StreamState {
  readonly types: ReadonlyMap<string, TypeState>;
  /** Their type URLs, by rank. */
  readonly order: readonly string[];
  /** The snapshot being rolled out. */
  readonly target: ResourceSnapshot;
  readonly newest: ResourceSnapshot;
  /** Something of `target` was sent. */
  readonly underway: boolean;
  /** Nonces given so far on this stream. */
  readonly nonces: number;
  /** Whether the client drops resources by their TTL, and hears heartbeats. */
  readonly takesTtl: boolean;
  /** A returning client names its types one after the other: not all that it holds is known yet. */
  readonly young: boolean;
}

/** What `waitingFor` says while removals wait for a young stream; no response has this nonce. */
export const youth = '';

/** A response to be written. */
export interface Send {
  readonly typeUrl: string;
  readonly nonce: string;
  /** `plain`: resources without their TTL; `whole`: with it, where they have one; `heartbeat`: the TTL and no content. */
  readonly form: 'plain' | 'whole' | 'heartbeat';
  readonly version: string;
  readonly revision: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}

export interface Plan {
  readonly state: StreamState;
  readonly sends: readonly Send[];
  /** Nonce of the response whose ACK holds something back, or `youth`: to be given up after `ackWaitMs`. */
  readonly waitingFor: string | undefined;
}

/** Whether resources of this type travel with their TTL. */
export function carriesTtl<R extends XdsRequest>(
  protocol: Protocol<R>,
  { takesTtl }: Pick<StreamState, 'takesTtl'>,
  typeUrl: string,
): boolean {
  return takesTtl && protocol.canBeat(typeUrl);
}

/** The snapshot that a type is served from: what depends on nothing need not wait for a roll-out to end. */
export function snapshotFor({ target, newest }: Snapshots, typeUrl: string): ResourceSnapshot {
  return isIndependent(typeUrl) ? newest : target;
}

/** What may be sent now, and the state after sending it. */
export function plan<R extends XdsRequest>(protocol: Protocol<R>, state: StreamState): Plan {
  const { types, target, newest } = state;
  const isResting = isSettled(types, state) && (target === newest || isSettled(types, { target: newest, newest }));
  if (!isResting) return new Planner(protocol, state).run();
  const next = target === newest ? state : { ...state, target: newest, underway: false };
  return { state: next, sends: [], waitingFor: undefined };
}

type Snapshots = Pick<StreamState, 'target' | 'newest'>;

/** Whether nothing is missing, by what was found the last time that anybody looked. */
function isSettled(types: ReadonlyMap<string, TypeState>, snapshots: Snapshots): boolean {
  for (const [typeUrl, state] of types) {
    if (!isSettledOn(state, snapshotFor(snapshots, typeUrl).types.get(typeUrl))) return false;
  }
  return true;
}

function isSettledOn({ settledOn, answerDue }: TypeState, listing: Listing | undefined): boolean {
  return settledOn === listing && !(answerDue && listing !== undefined);
}

/** Same types as before, one of them perhaps new. */
export function withType(state: StreamState, typeUrl: string, type: TypeState): StreamState {
  const types = new Map(state.types).set(typeUrl, type);
  return { ...state, types, order: orderOf(types, state.order) };
}

/** @param before of some of them, or of all. */
function orderOf(types: ReadonlyMap<string, TypeState>, before: readonly string[]): readonly string[] {
  return before.length === types.size ? before : [...types.keys()].sort((a, b) => rankOf(a) - rankOf(b));
}

/** The draft of one plan: mutable while it is made, never seen outside. */
class Planner<R extends XdsRequest> {
  private readonly protocol: Protocol<R>;
  readonly newest: ResourceSnapshot;
  private readonly young: boolean;
  readonly takesTtl: boolean;
  private types: ReadonlyMap<string, TypeState>;
  /** The same, once it is our own copy. */
  private written: Map<string, TypeState> | undefined;
  private readonly order: readonly string[];
  private readonly sends: Send[] = [];
  /** What was found pending for a state, for as long as `target` stays. */
  private readonly found = new Map<TypeState, Pending>();
  target: ResourceSnapshot;
  private underway: boolean;
  private nonces: number;

  constructor(protocol: Protocol<R>, state: StreamState) {
    this.protocol = protocol;
    this.newest = state.newest;
    this.young = state.young;
    this.takesTtl = state.takesTtl;
    this.types = state.types;
    this.order = state.order;
    this.target = state.target;
    this.underway = state.underway;
    this.nonces = state.nonces;
  }

  run(): Plan {
    let left = this.rollOut();
    if (this.target !== this.newest && !(this.underway && left)) {
      this.target = this.newest;
      this.underway = false;
      this.found.clear();
      left = this.rollOut();
    }
    for (const typeUrl of this.order) {
      if (this.hasRemovals(typeUrl) && this.mayRemove(typeUrl)) {
        this.send(typeUrl, 'removal', this.pendingIn(typeUrl));
      }
    }
    for (const typeUrl of this.order) this.settle(typeUrl);
    const { types, target, newest, underway, nonces, young, takesTtl, sends } = this;
    const order = orderOf(types, this.order);
    const state = { types, order, target, newest, underway, nonces, young, takesTtl };
    return { state, sends, waitingFor: left ? this.firstAwaited() : this.youthAwaited() };
  }

  /** @returns as `sendUpdates` does. */
  private rollOut(): boolean {
    if (isSettled(this.types, this)) return false;
    this.release();
    return this.sendUpdates();
  }

  /** Where a response can say that something is gone, saying so is what releases the rest. */
  private release(): void {
    for (const typeUrl of this.order) {
      if (this.protocol.canSayAbsent(typeUrl)) continue;
      const listing = this.snapshotOf(typeUrl).types.get(typeUrl);
      if (listing !== undefined) this.put(typeUrl, released(this.stateOf(typeUrl), listing));
    }
  }

  /** Sends the updates that wait for nothing. @returns whether some are left that wait for an ACK still hoped for. */
  private sendUpdates(): boolean {
    let heldBackFrom = Number.POSITIVE_INFINITY;
    let left = false;
    for (const typeUrl of this.order) {
      const independent = isIndependent(typeUrl);
      const rank = rankOf(typeUrl);
      const silent = this.stateOf(typeUrl).outstanding === undefined;
      if (silent && (independent || rank <= heldBackFrom)) {
        if (this.hasUpdates(typeUrl)) {
          this.send(typeUrl, 'update', this.pendingIn(typeUrl));
          this.underway ||= !independent;
        }
      } else if (silent && isAwaitedByClusters(typeUrl)) {
        const answers = this.answersIn(typeUrl);
        if (hasContent(answers)) this.send(typeUrl, 'update', answers);
      }
      const { outstanding } = this.stateOf(typeUrl);
      if (independent || outstanding?.overdue) continue;
      const updatesLeft = this.hasUpdates(typeUrl);
      left ||= updatesLeft;
      if (outstanding !== undefined || updatesLeft) heldBackFrom = Math.min(heldBackFrom, rank);
    }
    return left;
  }

  private send(typeUrl: string, phase: 'update' | 'removal', pending: Pending): void {
    const state = this.stateOf(typeUrl);
    const snapshot = this.snapshotOf(typeUrl);
    const listing = snapshot.types.get(typeUrl);
    if (listing === undefined) return;
    const content = this.protocol.compose(typeUrl, state, { snapshot, listing, pending, phase });
    this.nonces += 1;
    const nonce = String(this.nonces);
    // All that was missing leaves, and is only more of what is there: nothing need be compared again to know it.
    const isAll = pending === this.found.get(state) && phase === 'update';
    const isWhole = isAll && pending.missing.length + pending.gone.length === 0;
    const after = sent(state, { nonce, ...content }, isWhole ? listing : undefined);
    this.put(typeUrl, after);
    if (isWhole) this.found.set(after, nothingPending);
    const form = carriesTtl(this.protocol, this, typeUrl) ? 'whole' : 'plain';
    this.sends.push({ typeUrl, nonce, form, revision: snapshot.revision, ...content });
    if (typeUrl === typeUrls.cluster) {
      const endpoints = this.stateOf(typeUrls.endpoints);
      this.put(typeUrls.endpoints, warmed(endpoints, state.held, content.resources, content.removed));
    }
  }

  private mayRemove(typeUrl: string): boolean {
    if (!this.isQuiet(typeUrl)) return false;
    if (isIndependent(typeUrl)) return true;
    if (this.waitsForYouth(typeUrl)) return false;
    return this.order.every((other) => {
      if (other === typeUrl || isIndependent(other)) return true;
      // The old listener stays until what the new one needs was accepted.
      if (typeUrl === typeUrls.listener) return rankOf(other) < rankOf(typeUrl) || this.isQuiet(other);
      if (!mayUse(other, typeUrl)) return true;
      return this.isQuiet(other) && !this.hasRemovals(other) && this.stateOf(other).nack === undefined;
    });
  }

  /** Whether a type that might use this one was not asked for yet, on a stream where it may still be. */
  private waitsForYouth(typeUrl: string): boolean {
    return this.young && referringTypes.some((user) => mayUse(user, typeUrl) && !this.stateOf(user).begun);
  }

  private youthAwaited(): string | undefined {
    const waits = (typeUrl: string) => this.hasRemovals(typeUrl) && this.waitsForYouth(typeUrl);
    return this.order.some(waits) ? youth : undefined;
  }

  private isQuiet(typeUrl: string): boolean {
    return this.stateOf(typeUrl).outstanding === undefined && !this.hasUpdates(typeUrl);
  }

  private hasUpdates(typeUrl: string): boolean {
    const { changed, missing } = this.pendingIn(typeUrl);
    if (changed.length > 0 || (missing.length > 0 && this.protocol.canSayAbsent(typeUrl))) return true;
    return this.stateOf(typeUrl).answerDue && this.snapshotOf(typeUrl).types.has(typeUrl);
  }

  private hasRemovals(typeUrl: string): boolean {
    return this.pendingIn(typeUrl).gone.length > 0 && this.protocol.canSayAbsent(typeUrl);
  }

  private pendingIn(typeUrl: string): Pending {
    const state = this.stateOf(typeUrl);
    const listing = this.snapshotOf(typeUrl).types.get(typeUrl);
    if (state.settledOn === listing) return nothingPending;
    const known = this.found.get(state);
    if (known !== undefined) return known;
    const pending = pendingOf(state, listing);
    this.found.set(state, pending);
    return pending;
  }

  /** Of what is pending, what the client waits for. */
  private answersIn(typeUrl: string): Pending {
    const { due, subscription } = this.stateOf(typeUrl);
    const { changed, missing } = this.pendingIn(typeUrl);
    const asked = changed.filter(({ name }) => due.has(name) && wants(subscription, name));
    return { changed: asked, missing: this.protocol.canSayAbsent(typeUrl) ? missing : [], gone: [] };
  }

  private stateOf(typeUrl: string): TypeState {
    return this.types.get(typeUrl) ?? newTypeState;
  }

  private snapshotOf(typeUrl: string): ResourceSnapshot {
    return snapshotFor(this, typeUrl);
  }

  /** Writes down that nothing is missing, so that the next event need not look again. */
  private settle(typeUrl: string): void {
    const state = this.stateOf(typeUrl);
    const listing = this.snapshotOf(typeUrl).types.get(typeUrl);
    if (listing === undefined || state.settledOn === listing || this.hasUpdates(typeUrl)) return;
    if (this.hasRemovals(typeUrl)) return;
    const { missing, gone } = this.pendingIn(typeUrl);
    this.put(typeUrl, settled(missing.length > 0 ? postponed(state, missing) : state, listing, gone));
  }

  private put(typeUrl: string, state: TypeState): void {
    if (state === this.types.get(typeUrl)) return;
    this.written ??= new Map(this.types);
    this.types = this.written;
    this.written.set(typeUrl, state);
  }

  private firstAwaited(): string | undefined {
    for (const typeUrl of this.order) {
      const { outstanding } = this.stateOf(typeUrl);
      if (!isIndependent(typeUrl) && outstanding !== undefined && !outstanding.overdue) return outstanding.nonce;
    }
    return undefined;
  }
}

function hasContent({ changed, missing }: Pending): boolean {
  return changed.length > 0 || missing.length > 0;
}
