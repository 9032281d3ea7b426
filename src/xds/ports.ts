/**
 * What the server asks of its host: who a caller is, what time it is, and somebody to tell what happened.
 */
import type { PeerCertificate } from 'node:tls';
import type { SnapshotCache } from './cache.ts';
import type { XdsEvent } from './xds-event.ts';

export interface XdsPorts {
  /**
   * Says whose stream it is before a byte of it is read, by its headers and certificate alone: what nobody in particular
   * sends would lie in our memory, a whole request a stream. Absent, everybody is read. A rejection refuses.
   */
  greet?(caller: Stranger): Promise<Greeting>;
  /**
   * Judges a caller by its first request, before anything is looked up for it, and again every `recheckMs` while its
   * stream is open: who is refused then, or is another client, loses the stream. A rejection refuses at first, and
   * changes nothing later.
   */
  authenticate(caller: Caller): Promise<Admission>;
  readonly snapshots: SnapshotCache;
  readonly clock: Clock;
  /** Must not throw. */
  observe(event: XdsEvent): void;
  /** `control_plane.identifier` of every response. */
  readonly identifier: string;
}

/** Everything here was said by the caller; only `certificate` was verified, by TLS, against the server's trust. */
export interface Caller extends Stranger {
  readonly node: ClientNode;
}

/** What a client says of itself, cut down to what is bounded (see limits.ts). */
export interface ClientNode {
  readonly id: string;
  readonly cluster: string;
  readonly clientFeatures: readonly string[];
}

/** A caller that has not spoken yet. */
export interface Stranger {
  /** Address of the peer, for logs. */
  readonly address: string;
  /** Undefined if no client certificate was presented and verified. */
  readonly certificate: PeerCertificate | undefined;
  /** First value of a metadata header of the call. */
  header(name: string): string | undefined;
}

export type Admission =
  /**
   * `key` names the snapshot it may see. `holder` is who of several it is that share one: streams are counted by it, and by
   * the key where it is absent. At `expiresAtMs` (epoch) the stream ends, so that the client proves itself anew.
   */
  | { readonly kind: 'client'; readonly key: string; readonly holder?: string; readonly expiresAtMs?: number }
  | AdmissionRefusal;

export type Greeting =
  /** `holder` is who holds the credentials: streams are counted by it from here on. */
  { readonly kind: 'heard'; readonly holder: string } | AdmissionRefusal;

/** `reason` goes to the observer only: the caller learns that it is refused and nothing else. */
export interface AdmissionRefusal {
  readonly kind: 'refused';
  /** `UNAVAILABLE`: nobody can say at the moment who it is. It comes back. */
  readonly status: 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'UNAVAILABLE';
  readonly reason: string;
}

export interface Clock {
  /** Epoch ms. */
  nowMs(): number;
  /** Ms by a clock that nobody can set, from any beginning. Absent: `nowMs`. */
  monotonicMs?(): number;
  /** Calls `then` once, after `ms`. @returns a function that cancels it, and may be called twice. */
  setTimer(ms: number, then: () => void): () => void;
}
