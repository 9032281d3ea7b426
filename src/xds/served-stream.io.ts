/**
 * A call whose client is admitted: socket and timers around the reducer, which decides what is sent.
 *
 *   request, snapshot, timer ──step──▶ responses, events, the next timers
 *
 * How long what is written may lie, and how long the client may stay, is said beside it: outgoing.io.ts, tenure.ts.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { type ClientStatus, typeStatuses } from './client-status.ts';
import { ackWaitMs } from './limits.ts';
import { carriesTtl, type Send, type StreamState } from './order.ts';
import { Outgoing } from './outgoing.io.ts';
import type { Caller, ClientNode, XdsPorts } from './ports.ts';
import type { XdsRequest } from './protocol.ts';
import type { ResourceSnapshot } from './resource.ts';
import type { Response } from './response.ts';
import type { SharedBodies } from './shared-bodies.ts';
import { isQuiet, newStreamState, type Step, type StreamEvent, step } from './stream.ts';
import { Tenure, type TenureOptions } from './tenure.ts';
import { Timers } from './timers.ts';
import type { Wire } from './wire.ts';
import type { StreamRef } from './xds-event.ts';

export interface ServedStreamOptions<R extends XdsRequest> {
  readonly call: ServerDuplexStream<Buffer, Response>;
  readonly wire: Wire<R>;
  readonly bodies: SharedBodies;
  readonly ports: XdsPorts;
  readonly ref: StreamRef;
  readonly caller: Caller;
  /** Ends the call with a status. */
  fail(status: Parameters<TenureOptions['end']>[0] | 'RESOURCE_EXHAUSTED', reason: string): void;
  /** Ends a call that takes no status any more. */
  cutOff(reason: string): void;
  /** Every response so far was answered. */
  quiet(): void;
}

export class ServedStream<R extends XdsRequest> {
  private readonly options: ServedStreamOptions<R>;
  private readonly timers: Timers<'ack-wait' | 'heartbeat'>;
  private readonly outgoing: Outgoing;
  private readonly tenure: Tenure;
  private readonly openedAtMs: number;
  private readonly unsubscribe: () => void;
  private state: StreamState;
  private over = false;
  /** Nonce that the ack-wait timer runs for. */
  private waitingFor: string | undefined;
  /** What the heartbeat timer runs for, in epoch ms. */
  private heartbeatAtMs: number | undefined;
  /** A heartbeat is due, and waits for the client to read. */
  private beatMissed = false;

  /** @returns undefined if there is nothing to serve. */
  static of<R extends XdsRequest>(options: ServedStreamOptions<R>): ServedStream<R> | undefined {
    const { caller, ports, ref, wire } = options;
    const takesTtl = wire.protocol.takesTtl(caller.node.clientFeatures);
    const shows = (typeUrl: string) => carriesTtl(wire.protocol, { takesTtl }, typeUrl);
    const snapshot = ports.snapshots.get(ref.key, shows);
    return snapshot === undefined ? undefined : new ServedStream(options, newStreamState(snapshot, takesTtl), shows);
  }

  private constructor(options: ServedStreamOptions<R>, state: StreamState, takesTtl: (typeUrl: string) => boolean) {
    const { call, caller, ports, ref, fail } = options;
    this.options = options;
    this.state = state;
    this.openedAtMs = ports.clock.nowMs();
    this.timers = new Timers(ports.clock);
    this.outgoing = new Outgoing(call, ports.clock, { stalled: () => this.cutOff(), taken: () => this.makeUpBeat() });
    this.tenure = new Tenure({
      clock: ports.clock,
      key: ref.key,
      judge: () => ports.authenticate(caller),
      end: fail,
      recheckFailed: (reason) => ports.observe({ kind: 'recheck-failed', reason, ...ref }),
    });
    this.unsubscribe = ports.snapshots.subscribe(ref.key, {
      takesTtl,
      replaced: (next: ResourceSnapshot) => this.dispatch({ kind: 'snapshot', snapshot: next }),
      vanished: () => fail('UNAVAILABLE', 'client does not exist any more'),
    });
  }

  /** @param expiresAtMs of the client's credentials, in epoch ms. */
  begin(request: R, expiresAtMs: number | undefined): void {
    const { caller, ports, ref } = this.options;
    ports.observe({ kind: 'stream-opened', nodeId: caller.node.id, address: caller.address, ...ref });
    this.tenure.begin(expiresAtMs);
    this.dispatch({ kind: 'request', request });
  }

  take(request: R, node: ClientNode | undefined): void {
    const { caller, ports, ref } = this.options;
    const named = node?.id ?? '';
    if (named !== '' && named !== caller.node.id) ports.observe({ kind: 'node-ignored', ...ref });
    this.dispatch({ kind: 'request', request });
  }

  judgeAgain(): void {
    this.tenure.judgeAgain();
  }

  stop(reason: string): void {
    this.over = true;
    this.timers.cancelAll();
    this.outgoing.stop();
    this.tenure.stop();
    this.unsubscribe();
    this.options.ports.observe({ kind: 'stream-closed', reason, ...this.options.ref });
  }

  status(): ClientStatus {
    const { call, caller, ref } = this.options;
    const { openedAtMs, state } = this;
    const { takesTtl } = state;
    const types = typeStatuses(state);
    return { ...ref, nodeId: caller.node.id, address: call.getPeer(), openedAtMs, takesTtl, types };
  }

  private dispatch(event: StreamEvent<R>): void {
    if (this.over) return;
    const { fail, ports, quiet, wire } = this.options;
    const result = step(wire.protocol, this.state, event, ports.clock.nowMs());
    if (result.kind === 'too-much') {
      fail('RESOURCE_EXHAUSTED', result.reason);
      return;
    }
    this.state = result.state;
    this.report(event, result);
    for (const send of result.sends) this.write(send);
    this.waitForAck(result.waitingFor);
    this.awaitHeartbeat(result.heartbeatAtMs);
    if (isQuiet(result.state)) quiet();
  }

  private report(event: StreamEvent<R>, step: Step & { kind: 'step' }): void {
    const { ports, ref } = this.options;
    const { note, unsubscribed: names, absent, lapsed } = step;
    for (const each of lapsed) ports.observe({ kind: 'lapsed', ...each, ...ref });
    if (event.kind !== 'request') return;
    const { typeUrl } = event.request;
    if (note.kind !== 'none') ports.observe({ ...ref, typeUrl, ...note });
    if (names.length > 0) ports.observe({ kind: 'unsubscribed', typeUrl, names, ...ref });
    if (absent !== undefined) ports.observe({ kind: 'absent-asked', typeUrl, ...absent, ...ref });
  }

  private write(send: Send): void {
    const { bodies, ports, ref } = this.options;
    const response = bodies.responseOf(send);
    const { typeUrl, nonce, version, revision } = send;
    const resources = send.resources.length;
    if (send.form === 'heartbeat') {
      ports.observe({ kind: 'heartbeat', typeUrl, nonce, resources, ...ref });
    } else {
      const counts = { resources, removed: send.removed.length, bytes: response.byteLength };
      ports.observe({ kind: 'pushed', typeUrl, nonce, version, revision, ...counts, ...ref });
    }
    this.outgoing.write(response);
  }

  private cutOff(): void {
    this.options.ports.observe({ kind: 'write-stalled', ...this.options.ref });
    this.options.cutOff('write stalled');
  }

  private waitForAck(nonce: string | undefined): void {
    if (nonce === this.waitingFor) return;
    this.waitingFor = nonce;
    this.timers.cancel('ack-wait');
    if (nonce === undefined) return;
    this.timers.set('ack-wait', ackWaitMs, () => {
      this.waitingFor = undefined;
      this.dispatch({ kind: 'ack-wait-over', nonce });
    });
  }

  private awaitHeartbeat(atMs: number | undefined): void {
    if (atMs === this.heartbeatAtMs) return;
    this.heartbeatAtMs = atMs;
    this.timers.cancel('heartbeat');
    if (atMs === undefined) return;
    const leftMs = atMs - this.options.ports.clock.nowMs();
    if (leftMs <= 0) this.beat();
    else this.timers.set('heartbeat', leftMs, () => this.beat());
  }

  private beat(): void {
    this.beatMissed = !this.outgoing.isIdle();
    if (this.beatMissed) return;
    this.heartbeatAtMs = undefined;
    this.dispatch({ kind: 'heartbeat-due' });
  }

  /** Behind what a client does not read no heartbeats pile up: one leaves when it reads again. */
  private makeUpBeat(): void {
    if (this.beatMissed) this.beat();
  }
}
