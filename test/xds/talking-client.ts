/**
 * A client that says anything at any time, one stream after the other, both protocols, without a socket.
 *
 *   say, answer, replace, pass ──▶ step ──▶ what the client now holds
 *
 * What it holds is what it accepted and did not outlive. It fails where the server breaks a promise that holds whatever
 * is said: one outstanding response per type, no heartbeat of what is not held, nothing refused a second time.
 */
import { expect } from 'vitest';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import { type Send, type StreamState, snapshotFor } from '../../src/xds/order.ts';
import { listingVersion, type Resource, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { type SotwRequest, sotw } from '../../src/xds/sotw.ts';
import { newStreamState, type StreamEvent, step } from '../../src/xds/stream.ts';
import { wants } from '../../src/xds/subscription.ts';
import { hasLegacyWildcard, isFullState, typeUrls } from '../../src/xds/type-url.ts';
import { otherType } from './resources.ts';

export const types = [...Object.values(typeUrls), otherType];

/** A request of either protocol: what is of the other one is empty. */
export type Said = Omit<SotwRequest & DeltaRequest, 'namesCount'>;

interface Outstanding {
  readonly send: Send;
  readonly atMs: number;
  /** Of its resources, those that the client has wanted ever since. */
  readonly taken: readonly Resource[];
}

interface HeldByClient {
  readonly version: string;
  readonly diesAtMs: number;
}

export class TalkingClient {
  /** Every response and heartbeat so far. */
  readonly heard: Send[] = [];
  private readonly kind: 'sotw' | 'delta';
  private snapshot: ResourceSnapshot = { revision: 'r', types: new Map() };
  private state: StreamState;
  private nowMs = 0;
  private waitingFor: string | undefined;
  private heartbeatAtMs: number | undefined;
  /** By type URL: the response that waits for its answer, and when it came. */
  private readonly outstanding = new Map<string, Outstanding>();
  /** By type URL: what was refused last, while nothing has happened that would excuse its return. */
  private readonly refused = new Map<string, string>();
  /** Types whose subscription may have changed since their newest response: they are owed an answer to that. */
  private readonly asked = new Set<string>();
  private readonly held = new Map<string, Map<string, HeldByClient>>(types.map((each) => [each, new Map()]));

  constructor(kind: 'sotw' | 'delta') {
    this.kind = kind;
    this.state = newStreamState(this.snapshot, true);
  }

  replace(snapshot: ResourceSnapshot): void {
    this.snapshot = snapshot;
    this.refused.clear();
    this.happen({ kind: 'snapshot', snapshot });
  }

  /** A new stream, of a client that holds nothing until it says what. */
  reconnect(): void {
    this.state = newStreamState(this.snapshot, true);
    this.waitingFor = undefined;
    this.heartbeatAtMs = undefined;
    for (const each of [this.outstanding, this.refused, this.asked]) each.clear();
    for (const each of this.held.values()) each.clear();
  }

  pass(ms: number): void {
    this.nowMs += ms;
  }

  /** The heartbeat timer fires, due or not. */
  beat(): void {
    this.happen({ kind: 'heartbeat-due' });
  }

  /** The heartbeat timer fires in its time: that may be a moment later than now. */
  beatInTime(): void {
    this.nowMs = Math.max(this.nowMs, this.heartbeatAtMs ?? this.nowMs);
    this.beat();
  }

  /** What is waited for was waited for long enough. */
  stopWaiting(): void {
    if (this.waitingFor !== undefined) this.happen({ kind: 'ack-wait-over', nonce: this.waitingFor });
  }

  /** The newest response of the type is answered, if there is one. */
  answer(typeUrl: string, refuse: boolean): void {
    const response = this.outstanding.get(typeUrl);
    if (response === undefined) return;
    const { nonce, version } = response.send;
    const error = refuse ? { code: 3, message: 'no' } : undefined;
    const none = { subscribe: [], unsubscribe: [], initialVersions: new Map() };
    this.request({ typeUrl, nonce, error, version, names: this.namesOf(typeUrl), ...none });
  }

  say(said: Said): void {
    const { typeUrl } = said;
    if (!this.repeats(said)) {
      this.refused.delete(typeUrl);
      this.asked.add(typeUrl);
    }
    // What a client says that it holds, it holds.
    if (this.state.types.get(typeUrl)?.begun !== true) {
      for (const [name, held] of this.claimedIn(said)) this.held.get(typeUrl)?.set(name, held);
    }
    this.request(said);
  }

  /** Accepts all that comes, and lets every timer that is due run; fails rather than loop. */
  settle(): void {
    const roundsMax = 200;
    for (let round = 0; round < roundsMax; round += 1) {
      const [type] = this.outstanding.keys();
      if (type !== undefined) this.answer(type, false);
      else if (this.heartbeatAtMs !== undefined && this.heartbeatAtMs <= this.nowMs) this.beat();
      else if (this.waitingFor !== undefined) this.stopWaiting();
      else return;
    }
    throw new Error('the conversation does not end');
  }

  /** Name and version of what the client holds now and asked for, and of what it should hold, by type. */
  view() {
    const view = (type: string, entries: Iterable<readonly [string, string]>) => {
      const { subscription } = this.state.types.get(type) ?? {};
      return [...entries].filter(([name]) => subscription !== undefined && wants(subscription, name)).sort();
    };
    return types.map((type) => {
      const alive = [...(this.held.get(type) ?? [])].filter(([, { diesAtMs }]) => diesAtMs > this.nowMs);
      const listing = this.snapshot.types.get(type) ?? new Map<string, Resource>();
      // SotW cannot delete of a type that is not a full state.
      const sayable = this.kind === 'delta' || isFullState(type) ? alive : alive.filter(([name]) => listing.has(name));
      return {
        type,
        holds: view(
          type,
          sayable.map(([name, { version }]) => [name, version] as const),
        ),
        should: view(
          type,
          [...listing.values()].map(({ name, version }) => [name, version] as const),
        ),
      };
    });
  }

  /** Whether it asks for what is asked for already. */
  private repeats({ typeUrl, names, subscribe, unsubscribe }: Said): boolean {
    if (this.state.types.get(typeUrl)?.begun !== true) return false;
    if (this.kind === 'delta') return subscribe.length + unsubscribe.length === 0;
    return [...new Set(names)].sort().join() === [...this.namesOf(typeUrl)].sort().join();
  }

  private claimedIn({ typeUrl, initialVersions, names, version }: Said): readonly (readonly [string, HeldByClient])[] {
    const listing = snapshotFor(this.state, typeUrl).types.get(typeUrl) ?? new Map<string, Resource>();
    if (this.kind === 'delta') {
      return [...initialVersions].map(([name, each]) => {
        const { version: now, ttlMs = Number.POSITIVE_INFINITY } = listing.get(name) ?? {};
        const lifeMs = now === each ? ttlMs : Number.POSITIVE_INFINITY;
        return [name, { version: each, diesAtMs: this.nowMs + lifeMs }];
      });
    }
    const everything = names.includes('*') || (names.length === 0 && hasLegacyWildcard(typeUrl));
    const asked = new Map([...listing].filter(([name]) => everything || names.includes(name)));
    if (!isFullState(typeUrl) || version !== listingVersion(asked)) return [];
    return [...asked].map(([name, each]) => [name, { version: each.version, diesAtMs: Number.POSITIVE_INFINITY }]);
  }

  private namesOf(type: string): readonly string[] {
    const subscription = this.state.types.get(type)?.subscription;
    const wildcard = subscription?.wildcard === 'explicit' ? ['*'] : [];
    return this.kind === 'delta' ? [] : [...(subscription?.names ?? []), ...wildcard];
  }

  private request(said: Said): void {
    const { typeUrl: type, nonce, names } = said;
    const waiting = this.outstanding.get(type);
    // An invented answer may hit a true nonce: then it is an answer.
    const answers = waiting?.send.nonce === nonce;
    // Who refuses to hear that something is gone may hold it for ever, and all that it might use with it.
    const refuses = said.error !== undefined && !(answers && waiting.send.resources.length === 0);
    if (answers) {
      this.outstanding.delete(type);
      if (!refuses) this.accept(waiting);
      // What is accepted may have replaced the culprit: then what was refused with it has one more try.
      if (!refuses) this.refused.delete(type);
      else if (!this.asked.has(type)) this.refused.set(type, keyOf(waiting.send));
    }
    const error = refuses ? said.error : undefined;
    this.happen({ kind: 'request', request: { ...said, error, namesCount: names.length } });
  }

  private accept({ send: { typeUrl: type, removed }, atMs, taken }: Outstanding): void {
    const held = this.held.get(type);
    if (this.kind === 'sotw' && isFullState(type)) held?.clear();
    for (const name of removed) held?.delete(name);
    for (const { name, version, ttlMs: lifeMs = Number.POSITIVE_INFINITY } of taken) {
      const mortal = this.kind === 'delta' || !isFullState(type);
      held?.set(name, { version, diesAtMs: mortal ? atMs + lifeMs : Number.POSITIVE_INFINITY });
    }
  }

  private happen(event: StreamEvent<SotwRequest & DeltaRequest>): void {
    const result =
      this.kind === 'sotw' ? step(sotw, this.state, event, this.nowMs) : step(delta, this.state, event, this.nowMs);
    if (result.kind !== 'step') throw new Error(result.kind);
    this.state = result.state;
    this.waitingFor = result.waitingFor;
    this.heartbeatAtMs = result.heartbeatAtMs;
    if (event.kind === 'request') this.forget(event.request.typeUrl);
    for (const send of result.sends) this.take(send);
  }

  /** What the client does not want any more it drops, also of a response that it has not answered yet. */
  private forget(type: string): void {
    const { subscription } = this.state.types.get(type) ?? {};
    const unwanted = (name: string) => subscription === undefined || !wants(subscription, name);
    const held = this.held.get(type);
    for (const name of [...(held?.keys() ?? [])]) if (unwanted(name)) held?.delete(name);
    const waiting = this.outstanding.get(type);
    if (waiting === undefined) return;
    this.outstanding.set(type, { ...waiting, taken: waiting.taken.filter(({ name }) => !unwanted(name)) });
  }

  private take(send: Send): void {
    const { typeUrl: type, form, resources } = send;
    this.heard.push(send);
    if (form === 'heartbeat') {
      const held = this.held.get(type);
      for (const { name, version, ttlMs: lifeMs = 0 } of resources) {
        const known = held?.get(name);
        if (known?.version !== version || known.diesAtMs <= this.nowMs)
          throw new Error(`a heartbeat of nothing: ${name}`);
        held?.set(name, { version, diesAtMs: this.nowMs + lifeMs });
      }
      return;
    }
    if (this.outstanding.has(type)) throw new Error(`two responses of ${type} are outstanding`);
    // Endpoints come back with a cluster that was sent again, whatever was said of them.
    if (type !== typeUrls.endpoints) expect(keyOf(send), 'what was refused came back').not.toBe(this.refused.get(type));
    this.asked.delete(type);
    this.outstanding.set(type, { send, atMs: this.nowMs, taken: resources });
  }
}

/** What a response says, whatever its nonce. */
function keyOf({ resources, removed }: Send): string {
  return JSON.stringify([resources.map(({ name, version }) => [name, version]).sort(), [...removed].sort()]);
}
