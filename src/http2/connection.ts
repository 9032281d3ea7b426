/**
 * The server's side of one HTTP/2 connection, without a socket: bytes in, streams out, bytes to be written.
 *
 *   take(bytes) ──frames──▶ ConnectionStreams: HEADERS, DATA and what else is of a stream        the rest: answered here
 *
 * It is as much as a gRPC server for small calls needs: no push, no priorities, no upgrade. Whatever a client makes us do is
 * bounded: frames that carry nothing, and streams that it resets, by a rate; a header block by its bytes and its pieces;
 * bodies by the window of the connection.
 * A `#take…` returns the error that ends the connection, if there is one. Protocol: RFC 9113; numbers beside the code are its
 * sections.
 */
import { BlockReader } from './block-reader.ts';
import { ConnectionStreams, type StreamsLimits, type StreamsPorts } from './connection-streams.ts';
import { type ErrorCode, errorCode } from './error-code.ts';
import { flag, frame, frameType, goawayFrame, settingsFrame, word31Max } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { type Rate, RateBound } from './rate-bound.ts';
import { readSettings, setting } from './settings.ts';

export interface ConnectionLimits extends StreamsLimits {
  /** Frames that bring no request further: PING, SETTINGS, WINDOW_UPDATE, empty DATA and the like. */
  readonly idleFrames: Rate;
}

export interface ConnectionPorts extends Pick<StreamsPorts, 'write' | 'open' | 'nowMs'> {
  /** A PING of ours was answered. */
  pinged(): void;
  /** Everything is said: to be closed once it is written. */
  finished(): void;
}

/** Of a PING of ours, so that another one's answer is not taken for it. */
const pingPayload = Buffer.from('liveness');

const nothing = Buffer.alloc(0);

export class ServerConnection {
  readonly #ports: ConnectionPorts;
  readonly #reader = new FrameReader((type, flags, id, payload) => this.#takeFrame(type, flags, id, payload));
  readonly #blocks: BlockReader;
  readonly #streams: ConnectionStreams;
  readonly #idle: RateBound;
  #hasSettings = false;
  #isEnding = false;
  #isOver = false;

  constructor(limits: ConnectionLimits, ports: ConnectionPorts) {
    this.#ports = ports;
    this.#idle = new RateBound(limits.idleFrames, ports.nowMs());
    this.#streams = new ConnectionStreams(limits, {
      write: (bytes) => {
        if (!this.#isOver) ports.write(bytes);
      },
      open: (stream) => ports.open(stream),
      idle: (count) => this.#takeIdle(count),
      over: () => this.#end(),
      nowMs: () => ports.nowMs(),
    });
    this.#blocks = new BlockReader(limits.fields.bytesMax, (id, endStream, block) =>
      this.#streams.takeBlock(id, endStream, block),
    );
    ports.write(
      settingsFrame([
        [setting.maxConcurrentStreams, limits.concurrentStreamsMax],
        [setting.initialWindowSize, this.#streams.bodyWindowBytes],
        [setting.maxHeaderListSize, limits.fields.bytesMax],
      ]),
    );
    this.#streams.begin();
  }

  /** @param chunk as it came from the client: hostile. */
  take(chunk: Buffer): void {
    if (this.#isOver) return;
    const wrong = this.#reader.take(chunk);
    if (wrong !== undefined) this.#fail(wrong);
  }

  ping(): void {
    if (!this.#isOver) this.#ports.write(frame(frameType.ping, 0, 0, pingPayload));
  }

  /** Asks the client to go elsewhere; what it began before it has heard that is still taken (6.8). */
  announceEnd(): void {
    if (!this.#isOver) this.#ports.write(goawayFrame(word31Max, errorCode.none));
  }

  /** Takes no further stream, and ends with the last answer. */
  finish(): void {
    if (this.#isOver || this.#isEnding) return;
    this.#isEnding = true;
    this.#streams.takeNoMore();
    this.#ports.write(goawayFrame(this.#streams.lastTaken, errorCode.none));
    this.#streams.endIfEmpty();
  }

  /** The socket is gone. */
  abandon(): void {
    this.#isOver = true;
    this.#reader.clear();
    this.#streams.abortAll();
  }

  /** To be called now and again: what its client does not take is held no longer. */
  dropStalled(): void {
    this.#streams.dropStalled();
  }

  #takeFrame(type: number, flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (this.#isOver) return undefined; // since the frame before it in the same chunk
    if (this.#blocks.isOpen && type !== frameType.continuation) return errorCode.protocol; // 6.10
    if (!this.#hasSettings && (type !== frameType.settings || (flags & flag.ack) !== 0)) return errorCode.protocol; // 3.4
    switch (type) {
      case frameType.data:
        return this.#streams.takeData(flags, id, payload);
      case frameType.headers:
        return this.#blocks.takeHeaders(flags, id, payload);
      case frameType.continuation:
        return this.#blocks.takeContinuation(flags, id, payload);
      default:
        return this.#takeIdle() ?? this.#takeControl(type, flags, id, payload);
    }
  }

  #takeControl(type: number, flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    switch (type) {
      case frameType.settings:
        return this.#takeSettings(flags, id, payload);
      case frameType.ping:
        return this.#takePing(flags, id, payload);
      case frameType.windowUpdate:
        return this.#streams.takeWindowUpdate(id, payload);
      case frameType.reset:
        return this.#streams.takeReset(id, payload);
      case frameType.priority:
        if (id === 0) return errorCode.protocol;
        return payload.length === 5 ? undefined : errorCode.frameSize;
      case frameType.goaway:
        if (id !== 0) return errorCode.protocol;
        return payload.length < 8 ? errorCode.frameSize : undefined; // who says it ends by closing the connection
      case frameType.pushPromise:
        return errorCode.protocol; // 8.4: only a server pushes
      default:
        return undefined; // 4.1: passed over
    }
  }

  /** Whatever brings no request further is bounded by its number. */
  #takeIdle(count = 1): ErrorCode | undefined {
    return this.#idle.take(this.#ports.nowMs(), count) ? undefined : errorCode.enhanceYourCalm;
  }

  /** 6.5 */
  #takeSettings(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (id !== 0) return errorCode.protocol;
    if ((flags & flag.ack) !== 0) return payload.length === 0 ? undefined : errorCode.frameSize;
    const settings = readSettings(payload);
    if (settings.kind === 'wrong') return settings.code;
    this.#hasSettings = true;
    if (settings.setsTable) this.#streams.tableIsSet();
    this.#ports.write(frame(frameType.settings, flag.ack, 0, nothing));
    return settings.windowBytes === undefined ? undefined : this.#streams.setWindow(settings.windowBytes);
  }

  /** 6.7 */
  #takePing(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (id !== 0) return errorCode.protocol;
    if (payload.length !== 8) return errorCode.frameSize;
    if ((flags & flag.ack) === 0) this.#ports.write(frame(frameType.ping, flag.ack, 0, payload));
    else if (payload.equals(pingPayload)) this.#ports.pinged();
    return undefined;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ports.finished();
  }

  /** 5.4.1 */
  #fail(code: ErrorCode): void {
    if (this.#isOver) return;
    this.#ports.write(goawayFrame(this.#streams.lastTaken, code)); // never more than was said before (6.8)
    this.abandon();
    this.#ports.finished();
  }
}
