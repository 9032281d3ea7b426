/**
 * The server's side of one HTTP/2 connection, without a socket: bytes in, streams out, bytes to be written.
 *
 *   take(bytes) ──frames──▶ HEADERS: a stream ──▶ open(stream)        DATA ──▶ its receiver        the rest: answered here
 *
 * It is as much as a gRPC server for small calls needs: no push, no priorities, no upgrade. Whatever a client makes us do is
 * bounded: frames that carry nothing, and streams that it resets, by a rate; a header block by its bytes and its pieces;
 * bodies by the window of the connection, which is given back only once a call is whole.
 * The surprise: a stream's own window is never widened. It is as large as the largest body from the beginning.
 * A `#take…` returns the error that ends the connection, if there is one. Protocol: RFC 9113; numbers beside the code are its
 * sections.
 */
import { BlockReader } from './block-reader.ts';
import { type ErrorCode, errorCode } from './error-code.ts';
import { tableIsEmpty } from './field-block.ts';
import { type FieldBounds, FieldDecoder, type FieldsResult } from './field-decoder.ts';
import {
  flag,
  frame,
  framePayloadBytesMax,
  frameType,
  goawayFrame,
  resetFrame,
  settingsFrame,
  windowUpdateFrame,
  word31Max,
} from './frame.ts';
import { unpadded } from './frame-payload.ts';
import { FrameReader } from './frame-reader.ts';
import { mayTrail, requestForm } from './message-form.ts';
import { type Rate, RateBound } from './rate-bound.ts';
import { ReceiveWindow } from './receive-window.ts';
import { ServerStream, type StreamHost, type StreamReceiver } from './server-stream.ts';
import { readSettings, setting } from './settings.ts';

export interface ConnectionLimits {
  readonly concurrentStreamsMax: number;
  readonly fields: FieldBounds;
  /** Largest body of one request, in bytes. */
  readonly bodyBytesMax: number;
  /** Of requests that are not whole yet, in bytes. */
  readonly partialBytesMax: number;
  /** Streams that the client resets, or that are reset for what it said. */
  readonly resets: Rate;
  /** Frames that bring no request further: PING, SETTINGS, WINDOW_UPDATE, empty DATA and the like. */
  readonly idleFrames: Rate;
  /** Longest wait of an answer for its client to widen its windows, in ms; then `dropStalled` resets the stream. */
  readonly stallMsMax: number;
}

export interface ConnectionPorts {
  write(bytes: Buffer): void;
  /** @returns who is told of its body. It may answer at once. */
  open(stream: ServerStream): StreamReceiver;
  /** A PING of ours was answered. */
  pinged(): void;
  /** Everything is said: to be closed once it is written. */
  finished(): void;
  /** Never backwards. */
  nowMs(): number;
}

/** Of the connection and of each stream, until somebody says otherwise (6.9.2). */
const initialWindowBytes = 65_535;

/**
 * Open streams that count as one more frame where a frame says something of all their windows: it makes us look at each, and at
 * worst say one byte more on each, in a frame of its own.
 */
const streamsByFrame = 32;

/** Of a PING of ours, so that another one's answer is not taken for it. */
const pingPayload = Buffer.from('liveness');

const nothing = Buffer.alloc(0);

export class ServerConnection implements StreamHost {
  sendWindow = initialWindowBytes;
  readonly #limits: ConnectionLimits;
  readonly #ports: ConnectionPorts;
  readonly #reader = new FrameReader((type, flags, id, payload) => this.#takeFrame(type, flags, id, payload));
  readonly #blocks: BlockReader;
  readonly #decoder: FieldDecoder;
  /** Of each stream, and never widened. */
  readonly #bodyWindowBytes: number;
  readonly #receiveWindow: ReceiveWindow;
  readonly #resets: RateBound;
  readonly #idle: RateBound;
  readonly #streams = new Map<number, ServerStream>();
  #hasSettings = false;
  #lastStream = 0;
  /** Streams beyond it are not taken any more; there is one only when the connection ends. */
  #lastTaken = Number.POSITIVE_INFINITY;
  /** Of each stream, as the client has set it. */
  #streamWindow = initialWindowBytes;
  /** The client has set the size of its table since the last block, or there was none. */
  #tableIsSet = true;
  #isOver = false;

  constructor(limits: ConnectionLimits, ports: ConnectionPorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#blocks = new BlockReader(limits.fields.bytesMax, (id, endStream, block) =>
      this.#takeBlock(id, endStream, block),
    );
    this.#decoder = new FieldDecoder(limits.fields);
    // A frame wider, so that a body which is too large shows itself and can be told so.
    this.#bodyWindowBytes = Math.max(limits.bodyBytesMax + framePayloadBytesMax, initialWindowBytes);
    this.#resets = new RateBound(limits.resets, ports.nowMs());
    this.#idle = new RateBound(limits.idleFrames, ports.nowMs());
    const windowBytes = Math.max(limits.partialBytesMax, initialWindowBytes);
    this.#receiveWindow = new ReceiveWindow(windowBytes);
    ports.write(
      settingsFrame([
        [setting.maxConcurrentStreams, limits.concurrentStreamsMax],
        [setting.initialWindowSize, this.#bodyWindowBytes],
        [setting.maxHeaderListSize, limits.fields.bytesMax],
      ]),
    );
    if (windowBytes > initialWindowBytes) ports.write(windowUpdateFrame(0, windowBytes - initialWindowBytes));
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
    this.#lastTaken = this.#lastStream;
    this.#ports.write(goawayFrame(this.#lastStream, errorCode.none));
    this.#finishIfIdle();
  }

  /** The socket is gone. */
  abandon(): void {
    this.#isOver = true;
    this.#reader.clear();
    const open = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of open) stream.abort();
  }

  /** To be called now and again: what its client does not take is held no longer. */
  dropStalled(): void {
    const latestMs = this.nowMs() - this.#limits.stallMsMax;
    for (const stream of [...this.#streams.values()]) {
      if (stream.stalledAtMs !== undefined && stream.stalledAtMs < latestMs) this.cancel(stream, errorCode.cancel);
    }
  }

  nowMs(): number {
    return this.#ports.nowMs();
  }

  write(bytes: Buffer): void {
    this.#ports.write(bytes);
  }

  blockHead(): Buffer | undefined {
    if (!this.#tableIsSet) return undefined;
    this.#tableIsSet = false;
    return tableIsEmpty;
  }

  /** Of a stream whose request is not whole the rest is not wanted (8.1). */
  ended(stream: ServerStream): void {
    if (!stream.isWhole) this.#ports.write(resetFrame(stream.id, errorCode.none));
    this.#forget(stream);
  }

  cancel(stream: ServerStream, code: ErrorCode): void {
    this.#ports.write(resetFrame(stream.id, code));
    this.#abort(stream);
  }

  get #isEnding(): boolean {
    return this.#lastTaken < Number.POSITIVE_INFINITY;
  }

  #takeFrame(type: number, flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (this.#isOver) return undefined; // since the frame before it in the same chunk
    if (this.#blocks.isOpen && type !== frameType.continuation) return errorCode.protocol; // 6.10
    if (!this.#hasSettings && (type !== frameType.settings || (flags & flag.ack) !== 0)) return errorCode.protocol; // 3.4
    switch (type) {
      case frameType.data:
        return this.#takeData(flags, id, payload);
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
        return this.#takeWindowUpdate(id, payload);
      case frameType.reset:
        return this.#takeReset(id, payload);
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
    return this.#idle.take(this.nowMs(), count) ? undefined : errorCode.enhanceYourCalm;
  }

  /** Nobody has begun it: those of even numbers would be ours (5.1.1). */
  #isUnknown(id: number): boolean {
    return id % 2 === 0 || id > this.#lastStream;
  }

  /** 6.1 */
  #takeData(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (this.#isUnknown(id)) return errorCode.protocol;
    if (!this.#receiveWindow.take(payload.length)) return errorCode.flowControl;
    const data = unpadded(flags, payload);
    if (typeof data === 'number') return data;
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#giveBack(payload.length);
      return this.#takeIdle(); // of a stream that we have ended the client may not know it yet
    }
    stream.heldBytes += payload.length;
    if (stream.isWhole) return this.#reset(stream, errorCode.streamClosed);
    if (stream.heldBytes > this.#bodyWindowBytes) return this.#reset(stream, errorCode.flowControl);
    const endStream = (flags & flag.endStream) !== 0;
    if (!stream.tallies(data.length, endStream)) return this.#reset(stream, errorCode.protocol);
    if (data.length > 0) stream.receiver?.data(data, endStream);
    if (endStream && !stream.isOver) this.#whole(stream);
    return endStream || data.length > 0 ? undefined : this.#takeIdle();
  }

  /** A block is decoded whatever becomes of it: it changes the table. */
  #takeBlock(id: number, endStream: boolean, block: Buffer): ErrorCode | undefined {
    const decoded = this.#decoder.decode(block);
    if (decoded.kind === 'broken') return errorCode.compression;
    if (id <= this.#lastStream) return this.#takeTrailers(id, endStream, decoded);
    this.#lastStream = id;
    if (id > this.#lastTaken) return this.#takeIdle(); // 6.8: the client knows that it was not taken
    return this.#open(id, endStream, decoded);
  }

  #open(id: number, endStream: boolean, decoded: FieldsResult): ErrorCode | undefined {
    if (decoded.kind === 'oversized') return this.#refuse(id, errorCode.enhanceYourCalm);
    const form = decoded.kind === 'fields' ? requestForm(decoded.fields) : undefined;
    if (form?.kind !== 'request') return this.#refuse(id, errorCode.protocol);
    if (this.#streams.size >= this.#limits.concurrentStreamsMax) return this.#refuse(id, errorCode.refusedStream);
    const stream = new ServerStream(id, form, this, this.#streamWindow);
    if (endStream && !stream.tallies(0, true)) return this.#refuse(id, errorCode.protocol);
    this.#streams.set(id, stream);
    stream.isWhole = endStream;
    stream.receiver = this.#ports.open(stream);
    if (endStream && !stream.isOver) this.#whole(stream);
    return undefined;
  }

  /** What they say is nothing to us; they must be the end (8.1). */
  #takeTrailers(id: number, endStream: boolean, decoded: FieldsResult): ErrorCode | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#takeIdle(); // of a stream that we have ended the client may not know it yet
    if (stream.isWhole) return this.#reset(stream, errorCode.streamClosed);
    const areGood = decoded.kind === 'fields' && mayTrail(decoded.fields);
    if (!endStream || !areGood || !stream.tallies(0, true)) return this.#reset(stream, errorCode.protocol);
    this.#whole(stream);
    return undefined;
  }

  #whole(stream: ServerStream): void {
    stream.isWhole = true;
    this.#returnHeld(stream);
    stream.receiver?.end();
  }

  /** 6.5 */
  #takeSettings(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (id !== 0) return errorCode.protocol;
    if ((flags & flag.ack) !== 0) return payload.length === 0 ? undefined : errorCode.frameSize;
    const settings = readSettings(payload);
    if (settings.kind === 'wrong') return settings.code;
    this.#hasSettings = true;
    this.#tableIsSet ||= settings.setsTable;
    this.#ports.write(frame(frameType.settings, flag.ack, 0, nothing));
    return settings.windowBytes === undefined ? undefined : this.#setStreamWindow(settings.windowBytes);
  }

  /** 6.9.2: open streams are changed by the difference. */
  #setStreamWindow(bytes: number): ErrorCode | undefined {
    const wider = bytes - this.#streamWindow;
    this.#streamWindow = bytes;
    let overflows = false;
    const tooMany = this.#forAll((stream) => {
      stream.sendWindow += wider;
      overflows ||= stream.sendWindow > word31Max;
      if (!overflows) stream.flush();
    });
    return overflows ? errorCode.flowControl : tooMany;
  }

  /** Counts it by the streams that there are. */
  #forAll(then: (stream: ServerStream) => void): ErrorCode | undefined {
    const tooMany = this.#takeIdle(this.#streams.size / streamsByFrame);
    if (tooMany === undefined) for (const stream of [...this.#streams.values()]) then(stream);
    return tooMany;
  }

  /** 6.7 */
  #takePing(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (id !== 0) return errorCode.protocol;
    if (payload.length !== 8) return errorCode.frameSize;
    if ((flags & flag.ack) === 0) this.#ports.write(frame(frameType.ping, flag.ack, 0, payload));
    else if (payload.equals(pingPayload)) this.#ports.pinged();
    return undefined;
  }

  /** 6.9 */
  #takeWindowUpdate(id: number, payload: Buffer): ErrorCode | undefined {
    if (payload.length !== 4) return errorCode.frameSize;
    const wider = payload.readUInt32BE() & word31Max;
    if (id === 0) return wider === 0 ? errorCode.protocol : this.#widen(wider);
    if (this.#isUnknown(id)) return errorCode.protocol;
    const stream = this.#streams.get(id);
    if (stream === undefined) return undefined;
    if (wider === 0) return this.#reset(stream, errorCode.protocol);
    stream.sendWindow += wider;
    if (stream.sendWindow > word31Max) return this.#reset(stream, errorCode.flowControl);
    stream.flush();
    return undefined;
  }

  #widen(bytes: number): ErrorCode | undefined {
    this.sendWindow += bytes;
    if (this.sendWindow > word31Max) return errorCode.flowControl;
    return this.#forAll((stream) => stream.flush());
  }

  /** 6.4 */
  #takeReset(id: number, payload: Buffer): ErrorCode | undefined {
    if (payload.length !== 4) return errorCode.frameSize;
    if (this.#isUnknown(id)) return errorCode.protocol;
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#abort(stream);
    return this.#resets.take(this.nowMs()) ? undefined : errorCode.enhanceYourCalm;
  }

  #reset(stream: ServerStream, code: ErrorCode): ErrorCode | undefined {
    const tooMany = this.#refuse(stream.id, code);
    this.#abort(stream); // now, since the connection may end with it
    return tooMany;
  }

  /** A stream that must be reset costs its client as much as one that it resets. */
  #refuse(id: number, code: ErrorCode): ErrorCode | undefined {
    if (!this.#resets.take(this.nowMs())) return errorCode.enhanceYourCalm;
    this.#ports.write(resetFrame(id, code));
    return undefined;
  }

  #abort(stream: ServerStream): void {
    stream.abort();
    this.#forget(stream);
  }

  #forget(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#returnHeld(stream);
    this.#finishIfIdle();
  }

  #returnHeld(stream: ServerStream): void {
    this.#giveBack(stream.heldBytes);
    stream.heldBytes = 0;
  }

  #giveBack(bytes: number): void {
    const wider = this.#receiveWindow.giveBack(bytes);
    if (wider > 0 && !this.#isOver) this.#ports.write(windowUpdateFrame(0, wider));
  }

  #finishIfIdle(): void {
    if (this.#isOver || !this.#isEnding || this.#streams.size > 0) return;
    this.#isOver = true;
    this.#ports.finished();
  }

  /** 5.4.1 */
  #fail(code: ErrorCode): void {
    if (this.#isOver) return;
    this.#ports.write(goawayFrame(Math.min(this.#lastStream, this.#lastTaken), code)); // never more than was said before (6.8)
    this.abandon();
    this.#ports.finished();
  }
}
