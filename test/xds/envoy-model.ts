/**
 * A client as Envoy is one, without a socket: it takes responses, drops and asks for what they name, acknowledges,
 * refuses what is marked bad, and remembers over reconnects what it holds.
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
  readonly content: string;
}

interface TypeMemory {
  readonly held: Map<string, HeldResource>;
  names: Set<string>;
  nonce: string;
  version: string;
}

const { cluster, endpoints, listener, route } = typeUrls;
/** Nothing here depends on the time. */
const nowMs = 0;

const types = [cluster, endpoints, listener, route] as const;

export class EnvoyModel {
  private readonly kind: 'sotw' | 'delta';
  private readonly memory = new Map<string, TypeMemory>();
  /** By listener: the cluster its requests go to. */
  private readonly serves = new Map<string, string>();
  private toServer: (SotwRequest | DeltaRequest)[] = [];
  private toClient: Send[] = [];
  private server: StreamState;
  private waitingFor: string | undefined;

  constructor(kind: 'sotw' | 'delta', snapshot: ResourceSnapshot) {
    this.kind = kind;
    for (const typeUrl of types)
      this.memory.set(typeUrl, { held: new Map(), names: new Set(), nonce: '', version: '' });
    this.server = newStreamState(snapshot, true);
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

  deliverToClient(): boolean {
    const response = this.toClient.shift();
    if (response !== undefined) this.take(response);
    return response !== undefined;
  }

  private happen(event: StreamEvent<SotwRequest | DeltaRequest>): void {
    const result =
      this.kind === 'sotw'
        ? step(sotw, this.server, event as StreamEvent<SotwRequest>, nowMs)
        : step(delta, this.server, event as StreamEvent<DeltaRequest>, nowMs);
    if (result.kind !== 'step') throw new Error(result.kind);
    this.server = result.state;
    this.waitingFor = result.waitingFor;
    this.toClient.push(...result.sends);
  }

  private take({ typeUrl, nonce, version, resources, removed }: Send): void {
    const memory = this.of(typeUrl);
    memory.nonce = nonce;
    const contents = resources.map((each) => [each.name, each.version, contentOf(each.any)] as const);
    if (contents.some(([, , content]) => content.includes('bad'))) {
      this.send({
        typeUrl,
        names: [...memory.names],
        version: memory.version,
        nonce,
        error: { code: 3, message: 'bad' },
      });
      return;
    }
    memory.version = version;
    if (this.kind === 'delta') for (const name of removed) memory.held.delete(name);
    else if (isFullState(typeUrl)) memory.held.clear();
    for (const [name, resourceVersion, content] of contents) {
      if (isFullState(typeUrl) || memory.names.has(name)) memory.held.set(name, { version: resourceVersion, content });
    }
    if (typeUrl === cluster) this.follow(endpoints, this.held(cluster).keys());
    if (typeUrl === listener)
      this.follow(
        route,
        [...this.held(listener).values()].map(({ content }) => target(content)),
      );
    this.send({ typeUrl, names: [...memory.names], version, nonce });
    this.serve();
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
