/**
 * One connection of a lean server, and its bounds: how many calls, how large, how old, how silent.
 *
 *   socket ──▶ calls ──▶ leave(): GOAWAY, "no more soon" ──ping──▶ GOAWAY, "no more" ──last answer──▶ closed
 *
 * The first GOAWAY refuses nothing: a call that was under way when it was sent is still answered. Only what comes after the
 * caller has read it, a round trip later, is refused, and such a caller knows better.
 */
import { constants, performServerHandshake, type ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { type CallBounds, type CallHost, LeanStream } from './lean-call.ts';
import type { LeanMethod } from './lean-method.ts';
import {
  concurrentStreamsMax,
  connectionAgeGraceMs,
  headerListBytesMax,
  headerPairsMax,
  keepaliveTimeMs,
  keepaliveTimeoutMs,
  partialBytesMax,
  resetsAtOnceMax,
  resetsPerSecondMax,
} from './limits.ts';
import { type Peer, peerOfCertificate } from './peer.ts';

/** Of GOAWAY: every stream that there may ever be. */
const anyStreamId = 2 ** 31 - 1;

export class LeanSession implements CallHost {
  readonly address: string;
  readonly peer: Peer;
  readonly methods: ReadonlyMap<string, LeanMethod>;
  readonly #session: ServerHttp2Session;
  /** Calls whose message is not whole yet. */
  readonly #waiting = new Set<LeanStream>();
  #waitingBytes = 0;
  readonly #leaveAtMs: number;
  /** When it is cut, once it was asked to leave. */
  #cutAtMs = Number.POSITIVE_INFINITY;
  #pingAtMs: number;
  #pingedAtMs: number | undefined;

  /** @param ageMaxMs when it is asked to leave. */
  constructor(socket: TLSSocket, methods: ReadonlyMap<string, LeanMethod>, bounds: CallBounds, ageMaxMs: number) {
    this.address = socket.remoteAddress === undefined ? 'unix' : `${socket.remoteAddress}:${socket.remotePort}`;
    this.peer = socket.authorized ? peerOfCertificate(socket.getPeerCertificate()) : { kind: 'none' };
    this.methods = methods;
    this.#leaveAtMs = this.nowMs() + ageMaxMs;
    this.#pingAtMs = this.nowMs() + keepaliveTimeMs;
    this.#session = performServerHandshake(socket, {
      maxHeaderListPairs: headerPairsMax,
      streamResetBurst: resetsAtOnceMax,
      streamResetRate: resetsPerSecondMax,
      settings: { maxConcurrentStreams: concurrentStreamsMax, maxHeaderListSize: headerListBytesMax },
    });
    this.#session.on('error', () => this.#session.destroy());
    const left = (call: LeanStream): void => void this.#waiting.delete(call);
    this.#session.on('stream', (stream, headers) => {
      const call = new LeanStream(stream, headers, this, bounds);
      this.#waiting.add(call);
      call.read(left);
    });
  }

  onceClosed(then: () => void): void {
    this.#session.once('close', then);
  }

  nowMs(): number {
    return performance.now();
  }

  reserve(bytes: number): boolean {
    this.#waitingBytes += bytes;
    return this.#waitingBytes <= partialBytesMax;
  }

  /** To be called about once a second. */
  tick(): void {
    const nowMs = this.nowMs();
    for (const call of this.#waiting) {
      if (call.dueMs > nowMs) continue;
      this.#waiting.delete(call);
      call.answer({ kind: 'status', code: status.DEADLINE_EXCEEDED, details: 'the message was not whole in time' });
    }
    const isSilent = this.#pingedAtMs !== undefined && nowMs - this.#pingedAtMs > keepaliveTimeoutMs;
    if (isSilent || nowMs >= this.#cutAtMs) this.cut();
    else if (nowMs >= this.#leaveAtMs) this.leave();
    else if (nowMs >= this.#pingAtMs && this.#pingedAtMs === undefined) this.#ping(nowMs);
  }

  /** Answers what is asked until the caller has heard that it should go, and then ends. */
  leave(): void {
    if (this.#cutAtMs < Number.POSITIVE_INFINITY || this.#session.destroyed) return;
    this.#cutAtMs = this.nowMs() + connectionAgeGraceMs;
    this.#session.goaway(constants.NGHTTP2_NO_ERROR, anyStreamId);
    const isSent = this.#session.ping(() => this.#session.close());
    if (!isSent) this.#session.close();
  }

  cut(): void {
    this.#session.destroy();
  }

  #ping(nowMs: number): void {
    this.#pingedAtMs = nowMs;
    this.#session.ping(() => {
      this.#pingedAtMs = undefined;
      this.#pingAtMs = this.nowMs() + keepaliveTimeMs;
    });
  }
}
