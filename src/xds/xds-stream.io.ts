/**
 * One call: socket and timers around the reducer. It decides who is admitted, and nothing about configuration.
 *
 *   greeting ──▶ opening ──first request──▶ admitting ──▶ open ──▶ ended     its bookkeeping ends exactly once
 *
 * Back-pressure needs no queue: with one outstanding response per type a slow reader is owed a few messages at most,
 * whatever changes meanwhile. One that takes nothing at all for `writeStallMs` is cut off.
 */
import { status as grpcStatus, type ServerDuplexStream } from '@grpc/grpc-js';
import { type ClientStatus, typeStatuses } from './client-status.ts';
import { ackWaitMs, admissionWaitMs, timerMsMax, writeStallMs } from './limits.ts';
import { carriesTtl, type Send, type StreamState } from './order.ts';
import type { AdmissionRefusal, Caller, Stranger, XdsPorts } from './ports.ts';
import type { Protocol, XdsRequest } from './protocol.ts';
import type { Decoded } from './request.ts';
import { resetCall } from './reset-call.io.ts';
import type { ResourceSnapshot } from './resource.ts';
import { newStreamState, type Step, type StreamEvent, step } from './stream.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { StreamRef } from './xds-event.ts';

/** One of the two protocols, with its bytes. */
export interface Wire<R extends XdsRequest> {
  readonly name: 'sotw' | 'delta';
  readonly protocol: Protocol<R>;
  decode(bytes: Uint8Array): Decoded<R>;
  encode(send: Send, identifier: string): Buffer;
}

type StatusName = 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED' | 'UNAVAILABLE' | 'DEADLINE_EXCEEDED' | RefusalName;
type RefusalName = 'UNAUTHENTICATED' | 'PERMISSION_DENIED';

/** What a refused caller reads, whatever the reason. */
const refusalBody = 'not admitted';
const tooManyStreams = 'too many streams of this client';

function refusedBecause(cause: unknown): AdmissionRefusal {
  return { kind: 'refused', status: 'UNAUTHENTICATED', reason: String(cause) };
}

/** A stream whose client is known. */
interface OpenStream {
  readonly ref: StreamRef;
  readonly nodeId: string;
  readonly openedAtMs: number;
  readonly unsubscribe: () => void;
}

type Timer = 'admission' | 'expiry' | 'ack-wait' | 'heartbeat' | 'write-stall';

export class XdsStream<R extends XdsRequest> {
  private readonly call: ServerDuplexStream<Buffer, Buffer>;
  private readonly wire: Wire<R>;
  private readonly ports: XdsPorts;
  private readonly registry: StreamRegistry;
  /** Cancels of the timers that run. */
  private readonly timers = new Map<Timer, () => void>();
  private phase: 'greeting' | 'opening' | 'admitting' | 'open' | 'ended' = 'greeting';
  /** Set while the stream counts as one of this holder's. */
  private holder: string | undefined;
  private open: OpenStream | undefined;
  private state: StreamState | undefined;
  /** Nonce that the ack-wait timer runs for. */
  private waitingFor: string | undefined;
  /** What the heartbeat timer runs for, in epoch ms. */
  private heartbeatAtMs: number | undefined;
  /** A heartbeat is due, and waits for the client to read. */
  private beatMissed = false;
  /** Responses written and not yet taken by the transport. */
  private unflushed = 0;

  constructor(call: ServerDuplexStream<Buffer, Buffer>, wire: Wire<R>, ports: XdsPorts, registry: StreamRegistry) {
    this.call = call;
    this.wire = wire;
    this.ports = ports;
    this.registry = registry;
  }

  listen(): void {
    this.setTimer('admission', admissionWaitMs, () => this.fail('DEADLINE_EXCEEDED', 'not admitted in time'));
    this.call.on('end', () => this.finish('client closed', () => this.call.end()));
    this.call.on('cancelled', () => this.finish('cancelled', () => undefined));
    this.call.on('error', ({ message }: Error) => this.finish(message, () => undefined));
    void this.greet();
  }

  /** Until somebody listens for data, the transport takes no more than its window. */
  private async greet(): Promise<void> {
    const greeting = await this.ports.greet?.(this.stranger()).catch(refusedBecause);
    if (this.phase === 'ended') return;
    if (greeting?.kind === 'refused') return this.fail(greeting.status, greeting.reason);
    if (greeting !== undefined) {
      if (!this.registry.hear(greeting.holder)) return this.fail('RESOURCE_EXHAUSTED', tooManyStreams);
      this.holder = greeting.holder;
    }
    this.phase = 'opening';
    this.call.on('data', (bytes: Buffer) => this.receive(bytes));
  }

  private receive(bytes: Buffer): void {
    if (this.phase === 'ended') return;
    const decoded = this.wire.decode(bytes);
    if (decoded.kind === 'ok') this.receiveRequest(decoded);
    else if (decoded.kind === 'malformed') this.fail('INVALID_ARGUMENT', 'request is not a discovery request');
    else this.fail('RESOURCE_EXHAUSTED', `request of ${decoded.bytes} bytes is too large`);
  }

  private receiveRequest({ request, node }: Decoded<R> & { kind: 'ok' }): void {
    if (request.typeUrl === '') {
      this.fail('INVALID_ARGUMENT', 'type_url is missing');
    } else if (this.open !== undefined) {
      const { ref, nodeId } = this.open;
      if (node !== undefined && node.id !== '' && node.id !== nodeId)
        this.ports.observe({ kind: 'node-ignored', ...ref });
      this.dispatch({ kind: 'request', request });
    } else if (node === undefined || node.id === '') {
      this.fail('INVALID_ARGUMENT', 'node id is missing');
    } else if (!this.ports.snapshots.isReady()) {
      this.fail('UNAVAILABLE', 'configuration is not loaded yet');
    } else {
      this.phase = 'admitting';
      // Nothing more is read before the caller is known.
      this.call.pause();
      void this.admit(request, { ...this.stranger(), node });
    }
  }

  private async admit(request: R, caller: Caller): Promise<void> {
    const admission = await this.ports.authenticate(caller).catch(refusedBecause);
    if (this.phase === 'ended') return;
    if (admission.kind === 'refused') return this.fail(admission.status, admission.reason);
    const { key, expiresAtMs } = admission;
    const takesTtl = this.wire.protocol.takesTtl(caller.node.clientFeatures);
    const shows = (typeUrl: string) => carriesTtl(this.wire.protocol, { takesTtl }, typeUrl);
    const snapshot = this.ports.snapshots.get(key, shows);
    if (snapshot === undefined) return this.fail('UNAVAILABLE', 'no configuration for this client yet');
    const status = () => this.status();
    const close = (reason: string) => this.close(reason);
    const stream = this.registry.add({ key, status, close });
    if (stream === undefined) return this.fail('RESOURCE_EXHAUSTED', tooManyStreams);

    const unsubscribe = this.ports.snapshots.subscribe(key, {
      takesTtl: shows,
      replaced: (next: ResourceSnapshot) => this.dispatch({ kind: 'snapshot', snapshot: next }),
      vanished: () => this.fail('UNAVAILABLE', 'client does not exist any more'),
    });
    const ref: StreamRef = { stream, protocol: this.wire.name, key };
    const nodeId = caller.node.id;
    this.open = { ref, nodeId, openedAtMs: this.ports.clock.nowMs(), unsubscribe };
    this.phase = 'open';
    this.cancelTimer('admission');
    this.state = newStreamState(snapshot, takesTtl);
    this.ports.observe({ kind: 'stream-opened', nodeId, address: caller.address, ...ref });
    if (expiresAtMs !== undefined) this.expireAt(expiresAtMs);
    this.dispatch({ kind: 'request', request });
    this.call.resume();
  }

  private stranger(): Stranger {
    const { call } = this;
    return {
      address: call.getPeer(),
      certificate: call.getAuthContext().sslPeerCertificate,
      header: (name) => call.metadata.get(name)[0]?.toString(),
    };
  }

  private dispatch(event: StreamEvent<R>): void {
    if (this.state === undefined || this.open === undefined || this.phase === 'ended') return;
    const result = step(this.wire.protocol, this.state, event, this.ports.clock.nowMs());
    if (result.kind === 'too-many-names') {
      this.fail('RESOURCE_EXHAUSTED', `${result.count} names are too many`);
      return;
    }
    this.state = result.state;
    this.report(this.open.ref, event, result);
    for (const send of result.sends) this.write(this.open.ref, send);
    this.waitForAck(result.waitingFor);
    this.awaitHeartbeat(result.heartbeatAtMs);
  }

  private report(ref: StreamRef, event: StreamEvent<R>, { note }: Step & { kind: 'step' }): void {
    if (event.kind !== 'request' || note.kind === 'none') return;
    this.ports.observe({ ...ref, typeUrl: event.request.typeUrl, ...note });
  }

  private write(ref: StreamRef, send: Send): void {
    const bytes = this.wire.encode(send, this.ports.identifier);
    const { typeUrl, nonce, version, revision } = send;
    const resources = send.resources.length;
    if (send.form === 'heartbeat') {
      this.ports.observe({ kind: 'heartbeat', typeUrl, nonce, resources, ...ref });
    } else {
      const counts = { resources, removed: send.removed.length, bytes: bytes.length };
      this.ports.observe({ kind: 'pushed', typeUrl, nonce, version, revision, ...counts, ...ref });
    }
    this.unflushed += 1;
    if (this.unflushed === 1) this.watchForStall(ref);
    this.call.write(bytes, () => {
      this.unflushed -= 1;
      if (this.unflushed === 0 || this.phase === 'ended') this.cancelTimer('write-stall');
      else this.watchForStall(ref);
      if (this.unflushed === 0 && this.beatMissed) this.beat();
    });
  }

  private watchForStall(ref: StreamRef): void {
    this.setTimer('write-stall', writeStallMs, () => {
      this.ports.observe({ kind: 'write-stalled', ...ref });
      // A status would queue behind what the client does not read.
      this.finish('write stalled', () => resetCall(this.call));
    });
  }

  private waitForAck(nonce: string | undefined): void {
    if (nonce === this.waitingFor) return;
    this.waitingFor = nonce;
    this.cancelTimer('ack-wait');
    if (nonce === undefined) return;
    this.setTimer('ack-wait', ackWaitMs, () => {
      this.waitingFor = undefined;
      this.dispatch({ kind: 'ack-wait-over', nonce });
    });
  }

  private awaitHeartbeat(atMs: number | undefined): void {
    if (atMs === this.heartbeatAtMs) return;
    this.heartbeatAtMs = atMs;
    this.cancelTimer('heartbeat');
    if (atMs === undefined) return;
    const delayMs = Math.min(Math.max(0, atMs - this.ports.clock.nowMs()), timerMsMax);
    this.setTimer('heartbeat', delayMs, () => this.beat());
  }

  /** Behind what a client does not read no heartbeats pile up: one leaves when it reads again. */
  private beat(): void {
    this.beatMissed = this.unflushed > 0;
    if (this.beatMissed) return;
    this.heartbeatAtMs = undefined;
    this.dispatch({ kind: 'heartbeat-due' });
  }

  private expireAt(expiresAtMs: number): void {
    const left = expiresAtMs - this.ports.clock.nowMs();
    if (left <= 0) this.fail('UNAUTHENTICATED', 'credentials expired');
    else this.setTimer('expiry', Math.min(left, timerMsMax), () => this.expireAt(expiresAtMs));
  }

  private setTimer(name: Timer, ms: number, then: () => void): void {
    this.cancelTimer(name);
    const cancel = this.ports.clock.setTimer(ms, () => {
      this.timers.delete(name);
      then();
    });
    this.timers.set(name, cancel);
  }

  private cancelTimer(name: Timer): void {
    this.timers.get(name)?.();
    this.timers.delete(name);
  }

  /** Ends the stream with UNAVAILABLE: the client comes back, here or elsewhere. */
  close(reason: string): void {
    this.fail('UNAVAILABLE', reason);
  }

  private fail(code: StatusName, reason: string): void {
    const refused = code === 'UNAUTHENTICATED' || code === 'PERMISSION_DENIED';
    if (this.open === undefined && this.phase !== 'ended') {
      this.ports.observe({ kind: 'refused', address: this.call.getPeer(), status: code, reason });
    }
    const details = refused ? refusalBody : reason;
    // This is how grpc-js ends a stream with a status.
    this.finish(reason, () => this.call.emit('error', { code: grpcStatus[code], details }));
  }

  private finish(reason: string, endCall: () => void): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    for (const name of [...this.timers.keys()]) this.cancelTimer(name);
    this.state = undefined;
    if (this.holder !== undefined) this.registry.unhear(this.holder);
    if (this.open !== undefined) {
      this.open.unsubscribe();
      this.registry.remove(this.open.ref.stream);
      this.ports.observe({ kind: 'stream-closed', reason, ...this.open.ref });
    }
    // What was read ahead goes nowhere, and the end of the call is still heard.
    this.call.resume();
    endCall();
  }

  private status(): ClientStatus {
    if (this.open === undefined || this.state === undefined) throw new Error('only open streams are registered');
    const { ref, nodeId, openedAtMs } = this.open;
    return {
      ...ref,
      nodeId,
      address: this.call.getPeer(),
      openedAtMs,
      takesTtl: this.state.takesTtl,
      types: typeStatuses(this.state),
    };
  }
}
