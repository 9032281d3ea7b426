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
import { FrameReader } from './frame-reader.ts';
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

/** Pieces of one header block. An honest one of our size has one or two. */
const blockPiecesMax = 8;

/** Of a PING of ours, so that another one's answer is not taken for it. */
const pingPayload = Buffer.from('liveness');

const nothing = Buffer.alloc(0);

interface OpenBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly pieces: Buffer[];
  bytes: number;
}

export class ServerConnection implements StreamHost {
  sendWindow = initialWindowBytes;
  readonly #limits: ConnectionLimits;
  readonly #ports: ConnectionPorts;
  readonly #reader = new FrameReader((type, flags, id, payload) => this.#takeFrame(type, flags, id, payload));
  readonly #decoder: FieldDecoder;
  readonly #receiveWindow: ReceiveWindow;
  readonly #resets: RateBound;
  readonly #idle: RateBound;
  readonly #streams = new Map<number, ServerStream>();
  /** HEADERS whose end is still to come; nothing else may come before it (6.10). */
  #block: OpenBlock | undefined;
  #hasSettings = false;
  #lastStream = 0;
  /** Streams beyond it are not taken any more. */
  #lastTaken = word31Max;
  /** Of each stream, as the client has set it. */
  #streamWindow = initialWindowBytes;
  /** The client has set the size of its table since the last block, or there was none. */
  #tableIsSet = true;
  #isOver = false;

  constructor(limits: ConnectionLimits, ports: ConnectionPorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#decoder = new FieldDecoder(limits.fields);
    this.#resets = new RateBound(limits.resets, ports.nowMs());
    this.#idle = new RateBound(limits.idleFrames, ports.nowMs());
    const windowBytes = Math.max(limits.partialBytesMax, initialWindowBytes);
    this.#receiveWindow = new ReceiveWindow(windowBytes);
    ports.write(
      settingsFrame([
        [setting.maxConcurrentStreams, limits.concurrentStreamsMax],
        // A frame wider, so that a body which is too large shows itself and can be told so.
        [setting.initialWindowSize, limits.bodyBytesMax + framePayloadBytesMax],
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
    if (this.#isOver || this.#lastTaken < word31Max) return;
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

  #takeFrame(type: number, flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (this.#block !== undefined && type !== frameType.continuation) return errorCode.protocol;
    if (!this.#hasSettings && type !== frameType.settings) return errorCode.protocol; // 3.4
    switch (type) {
      case frameType.data:
        return this.#takeData(flags, id, payload);
      case frameType.headers:
        return this.#takeHeaders(flags, id, payload);
      case frameType.continuation:
        return this.#takeContinuation(flags, id, payload);
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
        return id === 0 ? undefined : errorCode.protocol; // who says it ends by closing the connection
      case frameType.pushPromise:
        return errorCode.protocol; // 8.4: only a server pushes
      default:
        return undefined; // 4.1: passed over
    }
  }

  /** Whatever brings no request further is bounded by its number. */
  #takeIdle(): ErrorCode | undefined {
    return this.#idle.take(this.#ports.nowMs()) ? undefined : errorCode.enhanceYourCalm;
  }

  /** 6.1 */
  #takeData(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (id === 0 || id > this.#lastStream) return errorCode.protocol;
    if (!this.#receiveWindow.take(payload.length)) return errorCode.flowControl;
    const data = unpadded(flags, payload);
    if (data === undefined) return errorCode.protocol;
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#giveBack(payload.length);
      return this.#takeIdle(); // of a stream that we have ended the client may not know it yet
    }
    stream.heldBytes += payload.length;
    if (stream.isWhole) return this.#reset(stream, errorCode.streamClosed);
    const endStream = (flags & flag.endStream) !== 0;
    if (data.length > 0) stream.receiver?.data(data, endStream);
    if (endStream && !stream.isOver) this.#whole(stream);
    return endStream || data.length > 0 ? undefined : this.#takeIdle();
  }

  /** 6.2 */
  #takeHeaders(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (id % 2 === 0) return errorCode.protocol;
    const piece = unprioritised(flags, unpadded(flags, payload));
    if (piece === undefined) return errorCode.protocol;
    const endStream = (flags & flag.endStream) !== 0;
    if ((flags & flag.endHeaders) !== 0) return this.#takeBlock(id, endStream, piece);
    this.#block = { stream: id, endStream, pieces: [Buffer.from(piece)], bytes: piece.length };
    return undefined;
  }

  /** 6.10 */
  #takeContinuation(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    const block = this.#block;
    if (block === undefined || block.stream !== id) return errorCode.protocol;
    block.bytes += payload.length;
    block.pieces.push(Buffer.from(payload));
    const { bytesMax } = this.#limits.fields;
    if (block.bytes > bytesMax || block.pieces.length > blockPiecesMax) return errorCode.enhanceYourCalm;
    if ((flags & flag.endHeaders) === 0) return undefined;
    this.#block = undefined;
    return this.#takeBlock(id, block.endStream, Buffer.concat(block.pieces));
  }

  /** A block is decoded whatever becomes of it: it changes the table. */
  #takeBlock(id: number, endStream: boolean, block: Buffer): ErrorCode | undefined {
    const decoded = this.#decoder.decode(block);
    if (decoded.kind === 'broken') return errorCode.compression;
    if (id <= this.#lastStream) return this.#takeTrailers(id, endStream);
    this.#lastStream = id;
    if (id > this.#lastTaken) return this.#takeIdle(); // 6.8: the client knows that it was not taken
    return this.#open(id, endStream, decoded);
  }

  #open(id: number, endStream: boolean, decoded: FieldsResult): ErrorCode | undefined {
    if (decoded.kind !== 'fields') {
      return this.#refuse(id, decoded.kind === 'oversized' ? errorCode.enhanceYourCalm : errorCode.protocol);
    }
    if (this.#streams.size >= this.#limits.concurrentStreamsMax) return this.#refuse(id, errorCode.refusedStream);
    const stream = new ServerStream(id, decoded.fields, this, this.#streamWindow);
    this.#streams.set(id, stream);
    stream.receiver = this.#ports.open(stream);
    if (endStream && !stream.isOver) this.#whole(stream);
    return undefined;
  }

  /** What they say is nothing to us; they must be the end (8.1). */
  #takeTrailers(id: number, endStream: boolean): ErrorCode | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#takeIdle();
    if (stream.isWhole) return this.#reset(stream, errorCode.streamClosed);
    if (!endStream) return this.#reset(stream, errorCode.protocol);
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
    for (const stream of [...this.#streams.values()]) {
      stream.sendWindow += wider;
      if (stream.sendWindow > word31Max) return errorCode.flowControl;
      stream.flush();
    }
    return undefined;
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
    if (id > this.#lastStream) return errorCode.protocol;
    const wider = payload.readUInt32BE() & word31Max;
    if (id === 0) return wider === 0 ? errorCode.protocol : this.#widen(wider);
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
    for (const stream of [...this.#streams.values()]) stream.flush();
    return undefined;
  }

  /** 6.4 */
  #takeReset(id: number, payload: Buffer): ErrorCode | undefined {
    if (payload.length !== 4) return errorCode.frameSize;
    if (id === 0 || id > this.#lastStream) return errorCode.protocol;
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#abort(stream);
    return this.#resets.take(this.#ports.nowMs()) ? undefined : errorCode.enhanceYourCalm;
  }

  #reset(stream: ServerStream, code: ErrorCode): ErrorCode | undefined {
    this.#abort(stream);
    return this.#refuse(stream.id, code);
  }

  /** A stream that must be reset costs its client as much as one that it resets. */
  #refuse(id: number, code: ErrorCode): ErrorCode | undefined {
    if (!this.#resets.take(this.#ports.nowMs())) return errorCode.enhanceYourCalm;
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
    if (this.#isOver || this.#lastTaken === word31Max || this.#streams.size > 0) return;
    this.#isOver = true;
    this.#ports.finished();
  }

  /** 5.4.1 */
  #fail(code: ErrorCode): void {
    if (this.#isOver) return;
    this.#ports.write(goawayFrame(this.#lastStream, code));
    this.abandon();
    this.#ports.finished();
  }
}

/** @returns undefined where the padding is longer than what it pads. */
function unpadded(flags: number, payload: Buffer): Buffer | undefined {
  if ((flags & flag.padded) === 0) return payload;
  const padding = payload[0];
  return padding === undefined || padding >= payload.length ? undefined : payload.subarray(1, payload.length - padding);
}

/** Of HEADERS with a priority, which nobody goes by any more: five bytes before the block. */
function unprioritised(flags: number, payload: Buffer | undefined): Buffer | undefined {
  if ((flags & flag.priority) === 0 || payload === undefined) return payload;
  return payload.length < 5 ? undefined : payload.subarray(5);
}
