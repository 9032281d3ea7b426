/**
 * One call, from its first byte to its last: who is admitted, and when.
 *
 *   greeting ──▶ opening ──first request──▶ judging ──▶ (in line) ──▶ served ──▶ ended    its bookkeeping ends exactly once
 *
 * A client that comes back holding the newest does not stand in line: it costs next to nothing. What a served client is
 * sent is decided elsewhere (served-stream.io.ts).
 */
import { status as grpcStatus, type ServerDuplexStream } from '@grpc/grpc-js';
import type { AdmissionGate, Arrival } from './admission-gate.ts';
import { admissionLineMs, admissionSlotMs, admissionWaitMs } from './limits.ts';
import type { AdmissionRefusal, Caller, Stranger, XdsPorts } from './ports.ts';
import type { XdsRequest } from './protocol.ts';
import { ReadingTurn } from './reading-turn.io.ts';
import type { Decoded } from './request.ts';
import { resetCall } from './reset-call.io.ts';
import type { Response } from './response.ts';
import { ServedStream } from './served-stream.io.ts';
import type { SharedBodies } from './shared-bodies.ts';
import { isCurrent } from './stream.ts';
import type { StreamRegistry } from './stream-registry.ts';
import { Timers } from './timers.ts';
import type { Wire } from './wire.ts';
import { writeInPieces } from './write-in-pieces.io.ts';
import type { StreamRef } from './xds-event.ts';

type StatusName = 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED' | 'UNAVAILABLE' | 'DEADLINE_EXCEEDED' | RefusalName;
type RefusalName = 'UNAUTHENTICATED' | 'PERMISSION_DENIED';

/** What a refused caller reads, whatever the reason. */
const refusalBody = 'not admitted';
const tooManyStreams = 'too many streams of this client';
const tooManyClients = 'too many clients at once';
const noConfiguration = 'no configuration for this client yet';

function refusedBecause(cause: unknown): AdmissionRefusal {
  return { kind: 'refused', status: 'UNAUTHENTICATED', reason: String(cause) };
}

/** What all streams of one service share. */
export interface SharedByStreams {
  readonly ports: XdsPorts;
  readonly registry: StreamRegistry;
  readonly gate: AdmissionGate;
  /** Of the streams of one protocol. */
  readonly bodies: SharedBodies;
}

/** A first request whose caller is known. */
interface Judged<R extends XdsRequest> {
  readonly request: R;
  readonly caller: Caller;
  readonly expiresAtMs: number | undefined;
  readonly ref: StreamRef;
}

export class XdsStream<R extends XdsRequest> {
  private readonly call: ServerDuplexStream<Buffer, Response>;
  private readonly wire: Wire<R>;
  private readonly bodies: SharedBodies;
  private readonly ports: XdsPorts;
  private readonly registry: StreamRegistry;
  private readonly gate: AdmissionGate;
  private readonly timers: Timers<'admission' | 'slot'>;
  private readonly turn: ReadingTurn;
  private phase: 'greeting' | 'opening' | 'judging' | 'served' | 'ended' = 'greeting';
  /** Set while the stream counts as one of this holder's. */
  private holder: string | undefined;
  /** Set while the stream counts as one of its client's. */
  private registered: number | undefined;
  /** Set while the stream has a place inside the gate or in the line before it. */
  private arrival: Arrival | undefined;
  private served: ServedStream<R> | undefined;

  constructor(call: ServerDuplexStream<Buffer, Response>, wire: Wire<R>, shared: SharedByStreams) {
    const { bodies, gate, ports, registry } = shared;
    this.call = call;
    this.wire = wire;
    this.bodies = bodies;
    this.ports = ports;
    this.registry = registry;
    this.gate = gate;
    this.timers = new Timers(ports.clock);
    this.turn = new ReadingTurn({
      pause: () => call.pause(),
      resume: () => {
        if (this.phase !== 'judging') call.resume();
      },
    });
  }

  listen(): void {
    writeInPieces(this.call);
    this.timers.set('admission', admissionWaitMs, () => this.fail('DEADLINE_EXCEEDED', 'not admitted in time'));
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
    this.turn.spend(bytes.length);
    const decoded = this.wire.decode(bytes);
    if (decoded.kind === 'ok') this.receiveRequest(decoded);
    else if (decoded.kind === 'malformed') this.fail('INVALID_ARGUMENT', decoded.why);
    else this.fail('RESOURCE_EXHAUSTED', `request of ${decoded.bytes} bytes is too large`);
  }

  private receiveRequest({ request, node }: Decoded<R> & { kind: 'ok' }): void {
    if (this.served !== undefined) {
      this.served.take(request, node);
    } else if (node === undefined || node.id === '') {
      this.fail('INVALID_ARGUMENT', 'node id is missing');
    } else if (!this.ports.snapshots.isReady()) {
      this.fail('UNAVAILABLE', 'configuration is not loaded yet');
    } else {
      this.phase = 'judging';
      // Nothing more is read before the caller is known and has its turn.
      this.call.pause();
      void this.judge(request, { ...this.stranger(), node });
    }
  }

  private async judge(request: R, caller: Caller): Promise<void> {
    const admission = await this.ports.authenticate(caller).catch(refusedBecause);
    if (this.phase === 'ended') return;
    if (admission.kind === 'refused') return this.fail(admission.status, admission.reason);
    const { key, holder = key, expiresAtMs } = admission;
    const snapshot = this.ports.snapshots.get(key);
    if (snapshot === undefined) return this.fail('UNAVAILABLE', noConfiguration);
    const status = () => this.served?.status();
    const close = (reason: string) => this.close(reason);
    const judgeAgain = () => this.served?.judgeAgain();
    this.registered = this.registry.add({ key, holder, status, judgeAgain, close });
    if (this.registered === undefined) return this.fail('RESOURCE_EXHAUSTED', tooManyStreams);
    const ref: StreamRef = { stream: this.registered, protocol: this.wire.name, key };
    const judged = { request, caller, expiresAtMs, ref };
    if (isCurrent(this.wire.protocol, snapshot, request)) this.serve(judged);
    else this.standInLine(judged);
  }

  private standInLine(judged: Judged<R>): void {
    // One a turn of the event loop: between two of them the open streams have theirs.
    this.arrival = { admit: () => setImmediate(() => this.serve(judged)) };
    const place = this.gate.enter(this.arrival);
    if (place === 'inside') this.serve(judged);
    else if (place === 'full') this.fail('UNAVAILABLE', tooManyClients);
    else this.timers.set('admission', admissionLineMs, () => this.fail('UNAVAILABLE', tooManyClients));
  }

  private serve({ request, caller, expiresAtMs, ref }: Judged<R>): void {
    if (this.phase === 'ended') return;
    this.timers.cancel('admission');
    if (this.arrival !== undefined) this.timers.set('slot', admissionSlotMs, () => this.leaveGate());
    const { bodies, call, ports, wire } = this;
    this.served = ServedStream.of({
      ...{ call, wire, bodies, ports, ref, caller },
      fail: (code, reason) => this.fail(code, reason),
      // A status would queue behind what the client does not read.
      cutOff: (reason) => this.finish(reason, () => resetCall(call)),
      quiet: () => this.leaveGate(),
    });
    // What was there when it was judged may be gone by now.
    if (this.served === undefined) {
      this.fail('UNAVAILABLE', noConfiguration);
      return;
    }
    this.phase = 'served';
    this.served.begin(request, expiresAtMs);
    this.call.resume();
  }

  private leaveGate(): void {
    if (this.arrival === undefined) return;
    this.timers.cancel('slot');
    const { arrival } = this;
    this.arrival = undefined;
    this.gate.leave(arrival);
  }

  private stranger(): Stranger {
    const { call } = this;
    return {
      address: call.getPeer(),
      certificate: call.getAuthContext().sslPeerCertificate,
      header: (name) => call.metadata.get(name)[0]?.toString(),
    };
  }

  /** Ends the stream with UNAVAILABLE: the client comes back, here or elsewhere. */
  close(reason: string): void {
    this.fail('UNAVAILABLE', reason);
  }

  private fail(code: StatusName, reason: string): void {
    const refused = code === 'UNAUTHENTICATED' || code === 'PERMISSION_DENIED';
    if (this.served === undefined && this.phase !== 'ended') {
      this.ports.observe({ kind: 'refused', address: this.call.getPeer(), status: code, reason });
    }
    const details = refused ? refusalBody : reason;
    // This is how grpc-js ends a stream with a status.
    this.finish(reason, () => this.call.emit('error', { code: grpcStatus[code], details }));
  }

  private finish(reason: string, endCall: () => void): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.timers.cancelAll();
    this.leaveGate();
    if (this.holder !== undefined) this.registry.unhear(this.holder);
    if (this.registered !== undefined) this.registry.remove(this.registered);
    this.served?.stop(reason);
    // What was read ahead goes nowhere, and the end of the call is still heard.
    this.call.resume();
    endCall();
  }
}
