/**
 * A client as Envoy is one, without a socket: it takes responses, drops and asks for what they name, acknowledges,
 * refuses what is marked bad, drops what it outlives, and remembers over reconnects what it holds, but not over a restart.
 *
 * A listener's content is `route#…`, a route's is `cluster#…`: what they refer to is subscribed as Envoy does it,
 * before the ACK. Both queues between client and server are delivered one message at a time, when the test says so.
 */
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import type { Send, StreamState } from '../../src/xds/order.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { type SotwRequest, sotw } from '../../src/xds/sotw.ts';
import { newStreamState, type StreamEvent, step } from '../../src/xds/stream.ts';
import { isFullState, typeUrls } from '../../src/xds/type-url.ts';
import { contentOf } from './resources.ts';

export interface HeldResource {
  readonly version: string;
  readonly diesAtMs: number;
  readonly content: string;
}

interface TypeMemory {
  readonly held: Map<string, HeldResource>;
  names: Set<string>;
  nonce: string;
  version: string;
}

const { cluster, endpoints, listener, route, runtime } = typeUrls;
const types = [runtime, cluster, endpoints, listener, route] as const;

/** The runtime layer that every client asks for, whatever else it holds. */
const layer = 'drill';

/** Most timers that one stretch of time may fire: more is a timer that fires for ever. */
const beatsMax = 1_000;

export class EnvoyModel {
  private readonly kind: 'sotw' | 'delta';
  private readonly memory = new Map<string, TypeMemory>();
  /** By listener: the cluster its requests go to. */
  private readonly serves = new Map<string, string>();
  private toServer: (SotwRequest | DeltaRequest)[] = [];
  private toClient: Send[] = [];
  private server: StreamState;
  private waitingFor: string | undefined;
  private heartbeatAtMs: number | undefined;
  private nowMs = 0;

  constructor(kind: 'sotw' | 'delta', snapshot: ResourceSnapshot) {
    this.kind = kind;
    this.server = newStreamState(snapshot, true);
    this.restart(snapshot);
  }

  /** Another process takes its place, which holds nothing. */
  restart(snapshot: ResourceSnapshot): void {
    for (const typeUrl of types) {
      const names = new Set(typeUrl === runtime ? [layer] : []);
      this.memory.set(typeUrl, { held: new Map(), names, nonce: '', version: '' });
    }
    this.serves.clear();
    this.connect(snapshot);
  }

  private of(typeUrl: string): TypeMemory {
    const memory = this.memory.get(typeUrl);
    if (memory === undefined) throw new Error(`nothing is known of ${typeUrl}`);
    return memory;
  }

  /** The cluster each listener sends requests to. One that warms serves as before until its route is there. */
  serving(): ReadonlyMap<string, string> {
    return this.serves;
  }

  held(typeUrl: string): ReadonlyMap<string, HeldResource> {
    return this.of(typeUrl).held;
  }

  contents(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      types.map((typeUrl) => {
        const entries = [...this.held(typeUrl)].map(([name, { content }]) => [name, content] as const);
        return [typeUrl, Object.fromEntries(entries.sort())];
      }),
    );
  }

  connect(snapshot: ResourceSnapshot): void {
    this.server = newStreamState(snapshot, true);
    this.waitingFor = undefined;
    this.heartbeatAtMs = undefined;
    this.toServer = [];
    this.toClient = [];
    for (const typeUrl of types) {
      const memory = this.of(typeUrl);
      memory.nonce = '';
      const names = [...memory.names];
      if (!isFullState(typeUrl) && names.length === 0) continue;
      const versions = new Map([...memory.held].map(([name, { version }]) => [name, version]));
      if (this.kind === 'sotw') this.send({ typeUrl, names, version: memory.version });
      else this.send({ typeUrl, subscribe: names, initialVersions: versions });
    }
  }

  replace(snapshot: ResourceSnapshot): void {
    this.happen({ kind: 'snapshot', snapshot });
  }

  /** Delivers the oldest message to the server. @returns whether there was one. */
  deliverToServer(): boolean {
    const request = this.toServer.shift();
    if (request !== undefined) this.happen({ kind: 'request', request });
    return request !== undefined;
  }

  /** Lets the server's wait run out. @returns whether it waited. */
  timeOut(): boolean {
    const nonce = this.waitingFor;
    if (nonce !== undefined) this.happen({ kind: 'ack-wait-over', nonce });
    return nonce !== undefined;
  }

  /** Time passes on both sides: the server's heartbeats leave when they are due, and the client drops what it outlives. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let beats = 0; this.heartbeatAtMs !== undefined && this.heartbeatAtMs <= untilMs; beats += 1) {
      if (beats === beatsMax) throw new Error('the heartbeat does not move on');
      this.nowMs = Math.max(this.nowMs, this.heartbeatAtMs);
      this.happen({ kind: 'heartbeat-due' });
    }
    this.nowMs = untilMs;
    for (const { held } of this.memory.values()) {
      for (const [name, { diesAtMs }] of held) if (diesAtMs <= untilMs) held.delete(name);
    }
  }

  deliverToClient(): boolean {
    const response = this.toClient.shift();
    if (response !== undefined) this.take(response);
    return response !== undefined;
  }

  private happen(event: StreamEvent<SotwRequest | DeltaRequest>): void {
    const result =
      this.kind === 'sotw'
        ? step(sotw, this.server, event as StreamEvent<SotwRequest>, this.nowMs)
        : step(delta, this.server, event as StreamEvent<DeltaRequest>, this.nowMs);
    if (result.kind !== 'step') throw new Error(result.kind);
    this.server = result.state;
    this.waitingFor = result.waitingFor;
    this.heartbeatAtMs = result.heartbeatAtMs;
    this.toClient.push(...result.sends);
  }

  private take(send: Send): void {
    const { typeUrl, nonce, version, resources, removed, form } = send;
    const memory = this.of(typeUrl);
    memory.nonce = nonce;
    if (form === 'heartbeat') {
      this.hear(send);
      return;
    }
    const contents = resources.map((each) => {
      const diesAtMs =
        form === 'whole' && each.ttlMs !== undefined ? this.nowMs + each.ttlMs : Number.POSITIVE_INFINITY;
      return [each.name, { version: each.version, content: contentOf(each.any), diesAtMs }] as const;
    });
    if (contents.some(([, { content }]) => content.includes('bad'))) {
      this.answer(typeUrl, nonce, 'bad');
      return;
    }
    memory.version = version;
    if (this.kind === 'delta') for (const name of removed) memory.held.delete(name);
    else if (isFullState(typeUrl)) memory.held.clear();
    for (const [name, each] of contents) {
      if (isFullState(typeUrl) || memory.names.has(name)) memory.held.set(name, each);
    }
    if (typeUrl === cluster) this.follow(endpoints, this.held(cluster).keys());
    if (typeUrl === listener)
      this.follow(
        route,
        [...this.held(listener).values()].map(({ content }) => target(content)),
      );
    this.answer(typeUrl, nonce);
    this.serve();
  }

  /** What it names lives on; of what is not held there is nothing to keep alive. */
  private hear({ typeUrl, nonce, resources }: Send): void {
    const { held } = this.of(typeUrl);
    const known = resources.every(({ name, version }) => held.get(name)?.version === version);
    for (const { name, ttlMs = 0 } of known ? resources : []) {
      const each = held.get(name);
      if (each !== undefined) held.set(name, { ...each, diesAtMs: this.nowMs + ttlMs });
    }
    this.answer(typeUrl, nonce, known ? undefined : 'nothing of this name is held');
  }

  private answer(typeUrl: string, nonce: string, refusal?: string): void {
    const { names, version } = this.of(typeUrl);
    const error = refusal === undefined ? {} : { error: { code: 3, message: refusal } };
    this.send({ typeUrl, names: [...names], version, nonce, ...error });
  }

  private serve(): void {
    const listeners = this.held(listener);
    for (const name of this.serves.keys()) if (!listeners.has(name)) this.serves.delete(name);
    for (const [name, { content }] of listeners) {
      const routed = this.held(route).get(target(content));
      if (routed !== undefined) this.serves.set(name, target(routed.content));
    }
  }

  /** Subscribes to what is referred to now, and to nothing else. */
  private follow(typeUrl: string, wanted: Iterable<string>): void {
    const memory = this.of(typeUrl);
    const next = new Set(wanted);
    const subscribe = [...next].filter((name) => !memory.names.has(name));
    const unsubscribe = [...memory.names].filter((name) => !next.has(name));
    if (subscribe.length + unsubscribe.length === 0) return;
    for (const name of unsubscribe) memory.held.delete(name);
    memory.names = next;
    this.send({ typeUrl, names: [...next], subscribe, unsubscribe, version: memory.version, nonce: memory.nonce });
  }

  private send(fields: Partial<SotwRequest & DeltaRequest> & { readonly typeUrl: string }): void {
    const { names = [], version = '', subscribe = [], unsubscribe = [], initialVersions = new Map() } = fields;
    const { typeUrl, nonce = '', error } = fields;
    const common = { typeUrl, nonce, error, namesCount: 0 };
    if (this.kind === 'sotw') this.toServer.push({ ...common, names, version });
    else {
      // In delta a subscription change is no ACK.
      const changes = subscribe.length + unsubscribe.length > 0;
      this.toServer.push({ ...common, nonce: changes ? '' : nonce, subscribe, unsubscribe, initialVersions });
    }
  }
}

/** What a listener or a route refers to. */
function target(content: string): string {
  return content.split('#')[0] ?? '';
}
