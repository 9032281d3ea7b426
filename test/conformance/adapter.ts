/**
 * The small door beside gRPC through which the suite prepares a server and looks at what it noted.
 *
 *   suite ──HTTP, JSON──▶ adapter ──▶ the server's own cache, status and clock
 *
 * Every server under test brings one. What its adapter does not offer answers 501: the cases that need it are then
 * reported as not tried on that server, with the reason, and never as passed.
 */
import type { AdmissionRefusal } from '../../src/xds/ports.ts';

export interface ServerDescription {
  readonly name: string;
  readonly version: string;
  /** `control_plane.identifier`; undefined where the server sends none. */
  readonly identifier?: string;
  /** Whether `/pass` moves an injected clock. If not, time passes as it does, and only short waits are tried. */
  readonly clock: boolean;
  /** Bounds that the server keeps, by the names below; what it does not bound is left out. */
  readonly limits: Readonly<Partial<Record<LimitName, number>>>;
}

export type LimitName =
  | 'requestBytes'
  | 'namesPerType'
  | 'typesPerStream'
  | 'streamsPerClient'
  | 'ackWaitMs'
  | 'writeStallMs'
  | 'admissionWaitMs';

export interface WireResource {
  readonly typeUrl: string;
  readonly name: string;
  /** An encoded `google.protobuf.Any`, base64. */
  readonly any: string;
  /** It dies after so long; `otherwise` is served in its place to clients that know no TTL. */
  readonly ttl?: { readonly ms: number; readonly otherwise: string };
}

export interface State {
  readonly node: string;
  readonly revision: string;
  /** Type URLs that this state speaks of, those without a resource included. */
  readonly types: readonly string[];
  readonly resources: readonly WireResource[];
  /** The server is to look whether all that is referred to is there, and to keep what it serves if it is not. */
  readonly checked?: boolean;
}

export interface TypeReport {
  readonly typeUrl: string;
  readonly state?: 'SYNCED' | 'STALE' | 'NACKED' | 'NOT_SENT';
  readonly ackedVersion: string;
  readonly nack?: { readonly nonce: string; readonly version: string; readonly message: string };
}

/** Of one node; by stream, oldest first. */
export type NodeReport = readonly { readonly types: readonly TypeReport[] }[];

/** What a server counts; what it does not is left out. */
export type CounterName =
  | 'streams'
  | 'timers'
  | 'staleNonces'
  | 'ignoredNodes'
  | 'ignoredTypes'
  | 'nacks'
  | 'pushes'
  | 'writeStalls';

export type Counters = Readonly<Partial<Record<CounterName, number>>>;

/** What the operator was told that a client asked for by name and did not get. */
export interface AbsentAsk {
  readonly typeUrl: string;
  readonly names: readonly string[];
}

/** How callers of a node are judged from now on. */
export type Judgement =
  | { readonly kind: 'admit'; readonly lifeMs: number }
  | ({ readonly kind: 'refuse' } & Pick<AdmissionRefusal, 'status' | 'reason'>)
  /** Before a byte was read. */
  | { readonly kind: 'refuse-unheard' }
  /** The judge itself fails. */
  | { readonly kind: 'ill' };

/** Header by which a stream says whose it is before its first request: the judgement of that node then comes first. */
export const holderHeader = 'x-conformance-holder';

/** Credentials to be presented at a door that demands them, and what must come of it. */
export interface Caller {
  readonly what: string;
  readonly address: string;
  readonly node: { readonly id: string; readonly cluster: string };
  /** Undefined: plaintext. */
  readonly tls?: { readonly caPem: string; readonly serverName: string };
  readonly metadata: Readonly<Record<string, string>>;
  readonly outcome: 'served' | 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'no connection';
}

/** The adapter does not offer what was asked. */
export class NotOffered extends Error {}

const notImplemented = 501;

export class AdapterClient {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  description(): Promise<ServerDescription> {
    return this.#get('/description');
  }

  /** @returns the faults for which a `checked` state was not taken. */
  async set(state: State): Promise<readonly string[]> {
    const { faults } = await this.#post<{ faults?: string[] }>('/state', state);
    return faults ?? [];
  }

  async delete(node: string): Promise<void> {
    await this.#post('/delete', { node });
  }

  async pass(ms: number): Promise<void> {
    await this.#post('/pass', { ms });
  }

  report(node: string): Promise<NodeReport> {
    return this.#get(`/report?node=${encodeURIComponent(node)}`);
  }

  counters(node: string): Promise<Counters> {
    return this.#get(`/counters?node=${encodeURIComponent(node)}`);
  }

  /** Oldest first. */
  absentAsks(node: string): Promise<readonly AbsentAsk[]> {
    return this.#get(`/absent-asks?node=${encodeURIComponent(node)}`);
  }

  /** Streams, open or ended, of whichever node, that still lie in the server's memory once its garbage is collected. */
  async streamsKept(): Promise<number> {
    const { streams } = await this.#get<{ streams: number }>('/kept');
    return streams;
  }

  async judge(node: string, judgement: Judgement): Promise<void> {
    await this.#post('/judge', { node, judgement });
  }

  /** Starts another server with the same states, of which nothing is told before `ready`. @returns its address. */
  async replica(): Promise<string> {
    const { address } = await this.#post<{ address: string }>('/replica', {});
    return address;
  }

  /** The replicas have read their sources. */
  async ready(): Promise<void> {
    await this.#post('/ready', {});
  }

  callers(): Promise<readonly Caller[]> {
    return this.#get('/callers');
  }

  #get<T>(path: string): Promise<T> {
    return this.#ask(path, {});
  }

  #post<T>(path: string, body: object): Promise<T> {
    return this.#ask(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async #ask<T>(path: string, init: RequestInit): Promise<T> {
    const response = await fetch(`${this.#base}${path}`, init);
    const text = await response.text();
    if (response.status === notImplemented) throw new NotOffered(text);
    if (!response.ok) throw new Error(`the adapter answers ${response.status} to ${path}: ${text}`);
    return JSON.parse(text);
  }
}
