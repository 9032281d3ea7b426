/**
 * The streams of one connection, from their HEADERS to their end, and the windows of both sides.
 *
 *   block ──decoded, well-formed?──▶ open(stream) ◀── DATA, trailers, RST_STREAM, WINDOW_UPDATE ──▶ on | reset | connection error
 *
 * What a client sends is held within the window of the connection, which is given back only once a call is whole or over.
 * The surprise: a stream's own window is never widened. It is as large as the largest body from the beginning.
 * A `take…` returns the error that ends the connection, if there is one. Protocol: RFC 9113; numbers beside the code are its
 * sections.
 */
import { type ErrorCode, errorCode } from './error-code.ts';
import { tableIsEmpty } from './field-block.ts';
import { type FieldBounds, FieldDecoder, type FieldsResult } from './field-decoder.ts';
import { flag, framePayloadBytesMax, resetFrame, windowUpdateFrame, word31Max } from './frame.ts';
import { unpadded } from './frame-payload.ts';
import { mayTrail, requestForm } from './message-form.ts';
import { type Rate, RateBound } from './rate-bound.ts';
import { ReceiveWindow } from './receive-window.ts';
import { ServerStream, type StreamHost, type StreamReceiver } from './server-stream.ts';

export interface StreamsLimits {
  readonly concurrentStreamsMax: number;
  readonly fields: FieldBounds;
  /** Largest body of one request, in bytes. */
  readonly bodyBytesMax: number;
  /** Of requests that are not whole yet, in bytes. */
  readonly partialBytesMax: number;
  /** Streams that the client resets, or that are reset for what it said. */
  readonly resets: Rate;
  /** Longest wait of an answer for its client to widen its windows, in ms; then `dropStalled` resets the stream. */
  readonly stallMsMax: number;
}

/** What the streams need of their connection. */
export interface StreamsPorts {
  write(bytes: Buffer): void;
  /** @returns who is told of its body. It may answer at once. */
  open(stream: ServerStream): StreamReceiver;
  /** Counts so many frames that bring no request further. @returns why the connection ends, where they are too many. */
  idle(count?: number): ErrorCode | undefined;
  /** No stream is open, and none will be. */
  over(): void;
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

export class ConnectionStreams implements StreamHost {
  sendWindow = initialWindowBytes;
  /** That the client takes from us for one stream; it is told so by SETTINGS. */
  readonly bodyWindowBytes: number;
  readonly #limits: StreamsLimits;
  readonly #ports: StreamsPorts;
  readonly #decoder: FieldDecoder;
  readonly #receiveWindow: ReceiveWindow;
  readonly #resets: RateBound;
  readonly #streams = new Map<number, ServerStream>();
  #lastStream = 0;
  /** Streams beyond it are not taken any more; there is one only when the connection ends. */
  #lastTaken = Number.POSITIVE_INFINITY;
  /** Of each stream, as the client has set it. */
  #streamWindow = initialWindowBytes;
  /** The client has set the size of its table since the last block, or there was none. */
  #tableIsSet = true;

  constructor(limits: StreamsLimits, ports: StreamsPorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#decoder = new FieldDecoder(limits.fields);
    // A frame wider, so that a body which is too large shows itself and can be told so.
    this.bodyWindowBytes = Math.max(limits.bodyBytesMax + framePayloadBytesMax, initialWindowBytes);
    this.#resets = new RateBound(limits.resets, ports.nowMs());
    this.#receiveWindow = new ReceiveWindow(Math.max(limits.partialBytesMax, initialWindowBytes));
  }

  /** The last stream that was taken. */
  get lastTaken(): number {
    return Math.min(this.#lastStream, this.#lastTaken);
  }

  /** Makes the window of the connection as wide as it shall be. */
  begin(): void {
    const wider = this.#limits.partialBytesMax - initialWindowBytes;
    if (wider > 0) this.#ports.write(windowUpdateFrame(0, wider));
  }

  /** From now on. */
  takeNoMore(): void {
    this.#lastTaken = this.lastTaken;
  }

  /** Says so where it is the end. */
  endIfEmpty(): void {
    if (this.#lastTaken < Number.POSITIVE_INFINITY && this.#streams.size === 0) this.#ports.over();
  }

  /** Without a word to the client. */
  abortAll(): void {
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

  /** 6.1 */
  takeData(flags: number, id: number, payload: Buffer): ErrorCode | undefined {
    if (this.#isUnknown(id)) return errorCode.protocol;
    if (!this.#receiveWindow.take(payload.length)) return errorCode.flowControl;
    const data = unpadded(flags, payload);
    if (typeof data === 'number') return data;
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#giveBack(payload.length);
      return this.#ports.idle(); // of a stream that we have ended the client may not know it yet
    }
    stream.heldBytes += payload.length;
    if (stream.isWhole) return this.#reset(stream, errorCode.streamClosed);
    if (stream.heldBytes > this.bodyWindowBytes) return this.#reset(stream, errorCode.flowControl);
    const endStream = (flags & flag.endStream) !== 0;
    if (!stream.tallies(data.length, endStream)) return this.#reset(stream, errorCode.protocol);
    if (data.length > 0) stream.receiver?.data(data, endStream);
    if (endStream && !stream.isOver) this.#whole(stream);
    return endStream || data.length > 0 ? undefined : this.#ports.idle();
  }

  /** A block is decoded whatever becomes of it: it changes the table. */
  takeBlock(id: number, endStream: boolean, block: Buffer): ErrorCode | undefined {
    const decoded = this.#decoder.decode(block);
    if (decoded.kind === 'broken') return errorCode.compression;
    if (id <= this.#lastStream) return this.#takeTrailers(id, endStream, decoded);
    this.#lastStream = id;
    if (id > this.#lastTaken) return this.#ports.idle(); // 6.8: the client knows that it was not taken
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
    if (stream === undefined) return this.#ports.idle(); // of a stream that we have ended the client may not know it yet
    if (stream.isWhole) return this.#reset(stream, errorCode.streamClosed);
    const areGood = decoded.kind === 'fields' && mayTrail(decoded.fields);
    if (!endStream || !areGood || !stream.tallies(0, true)) return this.#reset(stream, errorCode.protocol);
    this.#whole(stream);
    return undefined;
  }

  /** The client has set the size of its table. */
  tableIsSet(): void {
    this.#tableIsSet = true;
  }

  /** 6.9.2: open streams are changed by the difference. */
  setWindow(bytes: number): ErrorCode | undefined {
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

  /** 6.9 */
  takeWindowUpdate(id: number, payload: Buffer): ErrorCode | undefined {
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

  /** 6.4 */
  takeReset(id: number, payload: Buffer): ErrorCode | undefined {
    if (payload.length !== 4) return errorCode.frameSize;
    if (this.#isUnknown(id)) return errorCode.protocol;
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#abort(stream);
    return this.#resets.take(this.nowMs()) ? undefined : errorCode.enhanceYourCalm;
  }

  /** Nobody has begun it: those of even numbers would be ours (5.1.1). */
  #isUnknown(id: number): boolean {
    return id % 2 === 0 || id > this.#lastStream;
  }

  #whole(stream: ServerStream): void {
    stream.isWhole = true;
    this.#returnHeld(stream);
    stream.receiver?.end();
  }

  #widen(bytes: number): ErrorCode | undefined {
    this.sendWindow += bytes;
    if (this.sendWindow > word31Max) return errorCode.flowControl;
    return this.#forAll((stream) => stream.flush());
  }

  /** Counts it by the streams that there are. */
  #forAll(then: (stream: ServerStream) => void): ErrorCode | undefined {
    const tooMany = this.#ports.idle(this.#streams.size / streamsByFrame);
    if (tooMany === undefined) for (const stream of [...this.#streams.values()]) then(stream);
    return tooMany;
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
    this.endIfEmpty();
  }

  #returnHeld(stream: ServerStream): void {
    this.#giveBack(stream.heldBytes);
    stream.heldBytes = 0;
  }

  #giveBack(bytes: number): void {
    const wider = this.#receiveWindow.giveBack(bytes);
    if (wider > 0) this.#ports.write(windowUpdateFrame(0, wider));
  }
}
