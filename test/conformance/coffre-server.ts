/**
 * Our own xDS server behind the adapter that every server under test has: gRPC on one loopback port, HTTP on another.
 *
 *   suite ──gRPC──▶ createXdsService ◀── SnapshotCache ◀──HTTP── suite          time is a clock that stands still
 *
 * It offers all that the adapter can ask for, so that no case is left out on it.
 */
import { queryObjects } from 'node:v8';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { SnapshotCache } from '../../src/xds/cache.ts';
import * as limits from '../../src/xds/limits.ts';
import type { Admission, Caller as Claimant, Greeting, Stranger } from '../../src/xds/ports.ts';
import { contentVersion, type Resource, type ResourceSnapshot, withTtl } from '../../src/xds/resource.ts';
import { ServedStream } from '../../src/xds/served-stream.io.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { XdsStream } from '../../src/xds/xds-stream.io.ts';
import { TestClock } from '../xds/test-clock.ts';
import {
  type AbsentAsk,
  type Counters,
  holderHeader,
  type Judgement,
  type NodeReport,
  type ServerDescription,
  type State,
} from './adapter.ts';
import { type AdapterHandlers, serveAdapter } from './adapter-server.ts';
import { guardedDoor } from './guarded-door.ts';

const description: ServerDescription = {
  name: 'coffre',
  version: 'this tree',
  identifier: 'conformance',
  clock: true,
  limits: {
    requestBytes: limits.requestBytesMax,
    namesPerType: limits.namesPerTypeMax,
    typesPerStream: limits.typesPerStreamMax,
    streamsPerClient: limits.streamsPerClientMax,
    ackWaitMs: limits.ackWaitMs,
    writeStallMs: limits.writeStallMs,
    admissionWaitMs: limits.admissionWaitMs,
  },
};

export interface RunningServer {
  readonly address: string;
  readonly adapter: string;
  stop(): Promise<void>;
}

export async function startCoffre(): Promise<RunningServer> {
  const main = await Instance.start();
  main.cache.setReady();
  const replicas: Instance[] = [];
  const states = new Map<string, Served>();
  const closers: (() => Promise<void>)[] = [];
  const handlers: AdapterHandlers = {
    description: async () => description,
    async set(state) {
      states.set(state.node, served(state));
      for (const instance of [main, ...replicas]) instance.serve(state.node, served(state));
      return [];
    },
    async delete(node) {
      states.delete(node);
      for (const { cache } of [main, ...replicas]) cache.delete(node);
    },
    pass: async (ms) => main.clock.advance(ms),
    report: async (node) => main.report(node),
    counters: async (node) => main.counters(node),
    absentAsks: async (node) => main.absentAsks(node),
    // Client and server share a heap here: its size would say nothing, the objects of our own do.
    async streamsKept() {
      const count = (each: typeof XdsStream | typeof ServedStream) => queryObjects(each, { format: 'count' });
      return Math.max(count(XdsStream), count(ServedStream));
    },
    judge: async (node, judgement) => main.hear(node, judgement),
    async replica() {
      const replica = await Instance.start();
      for (const [node, state] of states) replica.serve(node, state);
      replicas.push(replica);
      return replica.address;
    },
    async ready() {
      for (const { cache } of replicas) cache.setReady();
    },
    async callers() {
      const { callers, stop } = await guardedDoor();
      closers.push(stop);
      return callers;
    },
  };
  const adapter = await serveAdapter(handlers);
  return {
    address: main.address,
    adapter: adapter.url,
    async stop() {
      for (const instance of [main, ...replicas]) instance.stop();
      for (const close of closers) await close();
      adapter.close();
    },
  };
}

interface Served {
  readonly snapshot: ResourceSnapshot;
  readonly overlay: readonly Resource[] | undefined;
}

type Judged = Judgement & { readonly atMs: number };

/** One replica: a cache, a clock and a port of its own. */
class Instance {
  readonly cache = new SnapshotCache();
  readonly clock = new TestClock();
  readonly #judgements = new Map<string, Judged>();
  readonly #events: XdsEvent[] = [];
  readonly #server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  readonly #service = createXdsService({
    greet: (stranger) => this.#greet(stranger),
    authenticate: (claimant) => this.#judge(claimant),
    snapshots: this.cache,
    clock: this.clock,
    observe: (event) => this.#events.push(event),
    identifier: 'conformance',
  });
  #strangers = 0;
  address = '';

  static async start(): Promise<Instance> {
    const instance = new Instance();
    instance.#server.addService(instance.#service.definition, instance.#service.implementation);
    const port = await new Promise<number>((resolve, reject) => {
      instance.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    instance.address = `127.0.0.1:${port}`;
    return instance;
  }

  serve(node: string, { snapshot, overlay }: Served): void {
    this.cache.set(node, snapshot);
    this.cache.overlay(node, overlay);
  }

  hear(node: string, judgement: Judgement): void {
    this.#judgements.set(node, { ...judgement, atMs: this.clock.nowMs() });
  }

  report(node: string): NodeReport {
    return this.#service.status().filter(({ nodeId }) => nodeId === node);
  }

  counters(node: string): Counters {
    const count = (kind: XdsEvent['kind']) =>
      this.#events.filter((event) => event.kind === kind && 'key' in event && event.key === node).length;
    return {
      streams: this.report(node).length,
      timers: this.clock.armed,
      staleNonces: count('stale-nonce'),
      ignoredNodes: count('node-ignored'),
      ignoredTypes: count('too-many-types'),
      nacks: count('nacked'),
      pushes: count('pushed'),
      writeStalls: count('write-stalled'),
    };
  }

  absentAsks(node: string): readonly AbsentAsk[] {
    return this.#events.flatMap((event) => (event.kind === 'absent-asked' && event.key === node ? [event] : []));
  }

  async #greet({ header }: Stranger): Promise<Greeting> {
    this.#strangers += 1;
    const holder = header(holderHeader);
    const judgement = this.#judgements.get(holder ?? '');
    if (judgement?.kind === 'refuse-unheard') return refused('UNAUTHENTICATED', 'no token');
    return { kind: 'heard', holder: holder ?? `stranger ${this.#strangers}` };
  }

  async #judge({ node }: Claimant): Promise<Admission> {
    const judgement = this.#judgements.get(node.id);
    switch (judgement?.kind) {
      case 'admit':
        return { kind: 'client', key: node.id, expiresAtMs: judgement.atMs + judgement.lifeMs };
      case 'refuse':
        return refused(judgement.status, judgement.reason);
      case 'ill':
        throw new Error('the judge is ill');
      default:
        return { kind: 'client', key: node.id };
    }
  }

  stop(): void {
    this.#service.close();
    this.#server.forceShutdown();
  }
}

function refused(status: 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'UNAVAILABLE', reason: string) {
  return { kind: 'refused', status, reason } as const;
}

/** What dies of its TTL is laid over what does not. */
function served({ revision, types, resources }: State): Served {
  const listings = new Map<string, Map<string, Resource>>(types.map((typeUrl) => [typeUrl, new Map()]));
  const overlay: Resource[] = [];
  for (const { typeUrl, name, any, ttl } of resources) {
    const encoded = (base64: string): Resource => {
      const bytes = Buffer.from(base64, 'base64');
      return { typeUrl, name, version: contentVersion(bytes), any: bytes };
    };
    listings.get(typeUrl)?.set(name, encoded(ttl?.otherwise ?? any));
    if (ttl !== undefined) overlay.push(withTtl(encoded(any), ttl.ms));
  }
  return { snapshot: { revision, types: listings }, overlay: overlay.length === 0 ? undefined : overlay };
}
