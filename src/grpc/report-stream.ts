/**
 * A stream on which a proxy only reports: nobody is heard before it is known, nor longer than its credentials last.
 *
 *   call ──admit──▶ client key ──message by message──▶ heard … ──▶ closed     its bookkeeping ends exactly once
 *
 * Who the client is, the port says from headers and certificate; what the messages claim of it is never asked. Until it
 * has answered, the transport takes no more than its window.
 */

import type { PeerCertificate } from 'node:tls';
import { status as grpcStatus, type ServerReadableStream } from '@grpc/grpc-js';

export interface ReportPorts {
  /** Asked before anything is heard, and again every `recheckMs`: who is refused then, or is another client, is heard no more. A rejection refuses at first, and changes nothing later. */
  admit(caller: ReportCaller): Promise<ReportAdmission>;
  readonly clock: ReportClock;
}

interface ReportClock {
  /** Epoch ms. */
  nowMs(): number;
  /** Calls `then` once, after `ms`. @returns a function that cancels it, and may be called twice. */
  setTimer(ms: number, then: () => void): () => void;
}

export interface ReportCaller {
  /** Address of the peer, for logs. */
  readonly address: string;
  /** Undefined if no client certificate was presented and verified. */
  readonly certificate: PeerCertificate | undefined;
  /** First value of a metadata header of the call. */
  header(name: string): string | undefined;
}

export type ReportAdmission =
  /** At `expiresAtMs` (epoch) the stream ends, so that the client proves itself anew. */
  | { readonly kind: 'client'; readonly key: string; readonly expiresAtMs?: number }
  /** `reason` is for the log: the caller learns that it is refused and nothing else. */
  | {
      readonly kind: 'refused';
      /** `UNAVAILABLE`: nobody can say at the moment who it is. */
      readonly status: 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'UNAVAILABLE';
      readonly reason: string;
    };

interface ReportLimits {
  /** Most streams at once with one client key. */
  readonly streamsPerClientMax: number;
  /** Longest a caller may wait for the port's word, in ms. */
  readonly admissionWaitMs: number;
}

export type ReportStreamEvent =
  | { readonly kind: 'refused'; readonly address: string; readonly status: EndStatus; readonly reason: string }
  | { readonly kind: 'opened'; readonly key: string; readonly address: string }
  | { readonly kind: 'closed'; readonly key: string; readonly reason: string };

type EndStatus = 'UNAUTHENTICATED' | 'PERMISSION_DENIED' | 'UNAVAILABLE' | 'RESOURCE_EXHAUSTED' | 'DEADLINE_EXCEEDED';

/** What the service does with one admitted stream. */
export interface Hearing {
  heard(message: Buffer): void;
  closed(): void;
}

interface CallEnd {
  readonly code: grpcStatus;
  readonly details: string;
}

/** What of a call is needed to hear it. */
type ReportCall = Pick<
  ServerReadableStream<Uint8Array, unknown>,
  'on' | 'resume' | 'getPeer' | 'metadata' | 'getAuthContext'
>;

/** Between two judgements of a client that is heard, in ms. */
export const recheckMs = 30_000;

/** Longest timer that `setTimeout` keeps, in ms; a longer one fires at once. Source: Node's documentation of timers. */
const timerMsMax = 2_147_483_647;

/** The report streams of one service: how many each client has, and what is the same for all. */
export class ReportStreams {
  readonly #ports: ReportPorts;
  readonly #limits: ReportLimits;
  readonly #observe: (event: ReportStreamEvent) => void;
  readonly #open = new Map<string, number>();

  constructor(ports: ReportPorts, limits: ReportLimits, observe: (event: ReportStreamEvent) => void) {
    this.#ports = ports;
    this.#limits = limits;
    this.#observe = observe;
  }

  /** @param end ends the call with a status, or well. @param open is told the client's key, once it is known. */
  listen(call: ReportCall, end: (status: CallEnd | undefined) => void, open: (key: string) => Hearing): void {
    const enter = (key: string) => (this.#count(key) ? () => this.#discount(key) : undefined);
    new ReportStream(call, end, { ports: this.#ports, observe: this.#observe, enter, open }).listen(
      this.#limits.admissionWaitMs,
    );
  }

  /** @returns false if the client has as many streams as it may. */
  #count(key: string): boolean {
    const count = this.#open.get(key) ?? 0;
    if (count >= this.#limits.streamsPerClientMax) return false;
    this.#open.set(key, count + 1);
    return true;
  }

  #discount(key: string): void {
    const count = (this.#open.get(key) ?? 0) - 1;
    if (count > 0) this.#open.set(key, count);
    else this.#open.delete(key);
  }
}

interface StreamHost {
  readonly ports: ReportPorts;
  observe(event: ReportStreamEvent): void;
  /** @returns what counts the stream out again; undefined if its client has as many as it may. */
  enter(key: string): (() => void) | undefined;
  open(key: string): Hearing;
}

class ReportStream {
  readonly #call: ReportCall;
  readonly #end: (status: CallEnd | undefined) => void;
  readonly #host: StreamHost;
  #client: { readonly key: string; readonly hearing: Hearing; leave(): void } | undefined;
  #isOver = false;
  /** Of admission, then of what comes first: the next judgement, or expiry. */
  #cancelTimer: () => void = () => undefined;

  constructor(call: ReportCall, end: (status: CallEnd | undefined) => void, host: StreamHost) {
    this.#call = call;
    this.#end = end;
    this.#host = host;
  }

  listen(admissionWaitMs: number): void {
    this.#setTimer(admissionWaitMs, () => this.#fail('DEADLINE_EXCEEDED', 'not admitted in time'));
    this.#call.on('end', () => this.#finish('client closed', () => this.#end(undefined)));
    this.#call.on('cancelled', () => this.#finish('cancelled', () => undefined));
    this.#call.on('error', ({ message }: Error) => this.#finish(message, () => undefined));
    void this.#admit();
  }

  async #admit(): Promise<void> {
    const { ports, enter, open, observe } = this.#host;
    const admission = await ports.admit(callerOf(this.#call)).catch(refusedBecause);
    if (this.#isOver) return;
    this.#cancelTimer();
    if (admission.kind === 'refused') return this.#fail(admission.status, admission.reason);
    const { key, expiresAtMs } = admission;
    const leave = enter(key);
    if (leave === undefined) return this.#fail('RESOURCE_EXHAUSTED', `too many streams of \`${key}\``);
    observe({ kind: 'opened', key, address: this.#call.getPeer() });
    const hearing = open(key);
    this.#client = { key, hearing, leave };
    this.#keep(key, expiresAtMs);
    this.#call.on('data', (message: Buffer) => {
      if (!this.#isOver) hearing.heard(message);
    });
  }

  /** Until its credentials end, or it is time to judge it again. */
  #keep(key: string, expiresAtMs = Number.POSITIVE_INFINITY): void {
    const leftMs = expiresAtMs - this.#host.ports.clock.nowMs();
    if (leftMs <= 0) this.#fail('UNAUTHENTICATED', 'credentials expired');
    else if (leftMs <= recheckMs) this.#setTimer(leftMs, () => this.#keep(key, expiresAtMs));
    else this.#setTimer(recheckMs, () => void this.#recheck(key, expiresAtMs));
  }

  async #recheck(key: string, expiresAtMs: number): Promise<void> {
    // A judge who does not answer keeps nobody beyond the end of the credentials.
    const leftMs = expiresAtMs - this.#host.ports.clock.nowMs();
    this.#setTimer(Math.min(leftMs, timerMsMax), () => this.#keep(key, expiresAtMs));
    const judged = await this.#host.ports.admit(callerOf(this.#call)).catch(() => undefined);
    if (this.#isOver) return;
    if (judged === undefined) this.#keep(key, expiresAtMs);
    else if (judged.kind === 'refused') this.#fail(judged.status, judged.reason);
    else if (judged.key !== key) this.#fail('UNAUTHENTICATED', `client is \`${judged.key}\` now`);
    else this.#keep(key, judged.expiresAtMs);
  }

  #setTimer(ms: number, then: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#host.ports.clock.setTimer(ms, then);
  }

  #fail(status: EndStatus, reason: string): void {
    if (this.#client === undefined && !this.#isOver) {
      this.#host.observe({ kind: 'refused', address: this.#call.getPeer(), status, reason });
    }
    this.#finish(reason, () => this.#end({ code: grpcStatus[status], details: 'ended by the server' }));
  }

  #finish(reason: string, endCall: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    if (this.#client !== undefined) {
      const { key, hearing, leave } = this.#client;
      leave();
      hearing.closed();
      this.#host.observe({ kind: 'closed', key, reason });
    }
    // What was read ahead goes nowhere, and the end of the call is still heard.
    this.#call.resume();
    endCall();
  }
}

function callerOf(call: ReportCall): ReportCaller {
  return {
    address: call.getPeer(),
    certificate: call.getAuthContext().sslPeerCertificate,
    header: (name) => call.metadata.get(name)[0]?.toString(),
  };
}

function refusedBecause(cause: unknown): ReportAdmission {
  return { kind: 'refused', status: 'UNAUTHENTICATED', reason: String(cause) };
}
