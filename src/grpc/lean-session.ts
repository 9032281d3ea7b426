/**
 * One connection of a lean server, and its bounds: how many calls, how large, how old, how silent.
 *
 *   socket ──▶ calls ──▶ leave(): GOAWAY, "no more soon" ──ping──▶ GOAWAY, "no more" ──last answer──▶ closed
 *
 * The first GOAWAY refuses nothing: a call that was under way when it was sent is still answered. Only what comes after the
 * caller has read it, a round trip later, is refused, and such a caller knows better.
 * The surprise: what is answered in one turn of the event loop leaves in one piece, since a write costs more than a verdict.
 */
import type { TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { type ConnectionLimits, ServerConnection } from '../http2/connection.ts';
import { type CallBounds, type CallHost, LeanStream } from './lean-call.ts';
import type { LeanMethod } from './lean-method.ts';
import {
  concurrentStreamsMax,
  connectionAgeGraceMs,
  headerListBytesMax,
  headerPairsMax,
  idleFramesAtOnceMax,
  idleFramesPerSecondMax,
  keepaliveTimeMs,
  keepaliveTimeoutMs,
  lastWordsMs,
  partialBytesMax,
  resetsAtOnceMax,
  resetsPerSecondMax,
  stallMsMax,
  unsentBytesMax,
  unsentWritesMax,
} from './limits.ts';
import { type Peer, peerOfCertificate } from './peer.ts';

const connectionLimits: Omit<ConnectionLimits, 'bodyBytesMax'> = {
  concurrentStreamsMax,
  fields: { fieldsMax: headerPairsMax, bytesMax: headerListBytesMax },
  partialBytesMax,
  resets: { atOnce: resetsAtOnceMax, perSecond: resetsPerSecondMax },
  idleFrames: { atOnce: idleFramesAtOnceMax, perSecond: idleFramesPerSecondMax },
  stallMsMax,
};

export class LeanSession implements CallHost {
  readonly address: string;
  readonly peer: Peer;
  readonly methods: ReadonlyMap<string, LeanMethod>;
  readonly #socket: TLSSocket;
  readonly #connection: ServerConnection;
  /** Calls whose message is not whole yet. */
  readonly #waiting = new Set<LeanStream>();
  readonly #leaveAtMs: number;
  /** When it is cut, once it was asked to leave. */
  #cutAtMs = Number.POSITIVE_INFINITY;
  #pingAtMs: number;
  #pingedAtMs: number | undefined;
  /** Those that were not answered yet. */
  #pings = 0;
  #isLeaving = false;
  /** What was said in this turn of the event loop. */
  #unsent: Buffer[] = [];
  #willSend = false;
  /** That the client's system has not taken yet. */
  #unsentWrites = 0;
  readonly #onWritten = (): void => {
    this.#unsentWrites -= 1;
    if (this.#unsentWrites === 0) this.#socket.resume();
  };
  #isFinished = false;

  /** @param ageMaxMs when it is asked to leave. */
  constructor(socket: TLSSocket, methods: ReadonlyMap<string, LeanMethod>, bounds: CallBounds, ageMaxMs: number) {
    this.address = socket.remoteAddress === undefined ? 'unix' : `${socket.remoteAddress}:${socket.remotePort}`;
    this.peer = socket.authorized ? peerOfCertificate(socket.getPeerCertificate()) : { kind: 'none' };
    this.methods = methods;
    this.#socket = socket;
    this.#leaveAtMs = this.nowMs() + ageMaxMs;
    this.#pingAtMs = this.nowMs() + keepaliveTimeMs;
    this.#connection = new ServerConnection(
      { ...connectionLimits, bodyBytesMax: bounds.bodyBytesMax },
      {
        write: (bytes) => this.#write(bytes),
        open: (stream) => {
          const call = new LeanStream(stream, this, bounds);
          this.#waiting.add(call);
          call.begin();
          return call;
        },
        pinged: () => this.#heard(),
        finished: () => {
          this.#isFinished = true;
          this.#sendLater();
        },
        nowMs: () => this.nowMs(),
      },
    );
    socket.on('data', (chunk: Buffer) => this.#connection.take(chunk));
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#connection.abandon());
  }

  onceClosed(then: () => void): void {
    this.#socket.once('close', then);
  }

  nowMs(): number {
    return performance.now();
  }

  left(call: LeanStream): void {
    this.#waiting.delete(call);
  }

  /** To be called about once a second. */
  tick(): void {
    const nowMs = this.nowMs();
    for (const call of this.#waiting) {
      if (call.dueMs > nowMs) continue;
      this.#waiting.delete(call);
      call.answer({ kind: 'status', code: status.DEADLINE_EXCEEDED, details: 'the message was not whole in time' });
    }
    this.#connection.dropStalled();
    const isSilent = this.#pingedAtMs !== undefined && nowMs - this.#pingedAtMs > keepaliveTimeoutMs;
    if (isSilent || nowMs >= this.#cutAtMs) this.cut();
    else if (nowMs >= this.#leaveAtMs) this.leave();
    else if (nowMs >= this.#pingAtMs && this.#pingedAtMs === undefined) this.#ping();
  }

  /** Answers what is asked until the caller has heard that it should go, and then ends. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#cutAtMs = this.nowMs() + connectionAgeGraceMs;
    this.#connection.announceEnd();
    this.#ping();
  }

  cut(): void {
    this.#socket.destroy();
  }

  #ping(): void {
    this.#pingedAtMs ??= this.nowMs();
    this.#pings += 1;
    this.#connection.ping();
  }

  /** They are answered in their order: who has answered the last one has read all that was said before it. */
  #heard(): void {
    this.#pings -= 1;
    if (this.#pings > 0) return;
    this.#pingedAtMs = undefined;
    this.#pingAtMs = this.nowMs() + keepaliveTimeMs;
    if (this.#isLeaving) this.#connection.finish();
  }

  #write(bytes: Buffer): void {
    this.#unsent.push(bytes);
    this.#sendLater();
  }

  #sendLater(): void {
    if (this.#willSend) return;
    this.#willSend = true;
    setImmediate(() => this.#send());
  }

  #send(): void {
    const pieces = this.#unsent;
    this.#unsent = [];
    this.#willSend = false;
    if (!this.#socket.writable) return;
    this.#unsentWrites += 1;
    this.#socket.write(Buffer.concat(pieces), this.#onWritten);
    if (this.#isFinished) {
      this.#cutAtMs = this.nowMs() + lastWordsMs;
      this.#socket.destroySoon();
    } else if (this.#socket.writableLength > unsentBytesMax || this.#unsentWrites > unsentWritesMax) {
      this.#socket.pause();
    }
  }
}
