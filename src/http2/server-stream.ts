/**
 * One stream of a connection: a request that comes in, and the response that goes out within the windows of both.
 *
 *   respond(head, data, trailers) ──window?──▶ three frames in one piece        too small: HEADERS now, DATA as the window opens
 *
 * Only the connection makes one. What is said to a stream that is over is dropped, since its client may leave at any time.
 * Source: RFC 9113, sections 5.1, 6.9 and 8.1.
 */
import type { ErrorCode } from './error-code.ts';
import type { DecodedField } from './field-decoder.ts';
import { flag, frame, frameHeadBytes, framePayloadBytesMax, frameType, writeFrameHead } from './frame.ts';
import type { RequestHead } from './message-form.ts';

/** What a stream says to the one who answers it. */
export interface StreamReceiver {
  /** @param bytes a view of what was read: copy what is kept. @param isLast `end` follows. */
  data(bytes: Buffer, isLast: boolean): void;
  /** The request is whole. */
  end(): void;
  /** The client has left, or the connection has ended. Nothing is said after it. */
  aborted(): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  /** Bytes of DATA that the client takes on the whole connection. */
  sendWindow: number;
  nowMs(): number;
  write(bytes: Buffer): void;
  /** The head of a block, where the client has set the size of its table since the last one. */
  blockHead(): Buffer | undefined;
  /** Resets it; its receiver is told. */
  cancel(stream: ServerStream, code: ErrorCode): void;
  /** The response is whole. */
  ended(stream: ServerStream): void;
}

export class ServerStream {
  readonly id: number;
  readonly fields: readonly DecodedField[];
  receiver: StreamReceiver | undefined;
  /** Bytes of DATA that the client takes on this stream; below 0 where it has made its windows smaller. */
  sendWindow: number;
  /** Bytes that came and that the connection's window was not given back: all, until the request is whole. */
  heldBytes = 0;
  /** The client has said everything. */
  isWhole = false;
  /** Since when something waits for a window, in ms of the host's clock; undefined where nothing does. */
  stalledAtMs: number | undefined;
  readonly #host: StreamHost;
  /** What is still to come of a body whose length was said. */
  #missingBytes: number | undefined;
  #isOver = false;
  #headersSent = false;
  #pending: Buffer | undefined;
  #trailers: Buffer | undefined;

  constructor(id: number, { fields, bodyBytes }: RequestHead, host: StreamHost, sendWindow: number) {
    this.id = id;
    this.fields = fields;
    this.#host = host;
    this.sendWindow = sendWindow;
    this.#missingBytes = bodyBytes;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes that wait for a window. */
  get pendingBytes(): number {
    return this.#pending?.length ?? 0;
  }

  /** Counts what came. @returns false where the body is not as long as was said (8.1.1). */
  tallies(bytes: number, isLast: boolean): boolean {
    if (this.#missingBytes === undefined) return true;
    this.#missingBytes -= bytes;
    return isLast ? this.#missingBytes === 0 : this.#missingBytes >= 0;
  }

  /** A whole response. @param head and `trailers` are field blocks. */
  respond(head: Buffer, data: Buffer, trailers: Buffer): void {
    if (this.#isOver) return;
    const blockHead = this.#host.blockHead();
    const fits = data.length <= framePayloadBytesMax && data.length <= Math.min(this.sendWindow, this.#host.sendWindow);
    if (!fits || blockHead !== undefined) {
      this.#writeHeaders(head, 0, blockHead);
      this.#trailers = trailers;
      this.write(data);
      return;
    }
    this.sendWindow -= data.length;
    this.#host.sendWindow -= data.length;
    const { id } = this;
    const whole = Buffer.allocUnsafe(3 * frameHeadBytes + head.length + data.length + trailers.length);
    let at = writeFrameHead(whole, 0, frameType.headers, flag.endHeaders, id, head.length);
    at += head.copy(whole, at);
    at = writeFrameHead(whole, at, frameType.data, 0, id, data.length);
    at += data.copy(whole, at);
    at = writeFrameHead(whole, at, frameType.headers, flag.endHeaders | flag.endStream, id, trailers.length);
    trailers.copy(whole, at);
    this.#host.write(whole);
    this.#end();
  }

  /** The beginning of a response, or all of it. */
  headers(block: Buffer, isAll: boolean): void {
    if (this.#isOver || this.#headersSent) return;
    this.#writeHeaders(block, isAll ? flag.endStream : 0);
    if (isAll) this.#end();
  }

  /** As much as the windows allow, and the rest as they open. The caller bounds what waits: see `pendingBytes`. */
  write(data: Buffer): void {
    if (this.#isOver) return;
    this.#pending = this.#pending === undefined ? data : Buffer.concat([this.#pending, data]);
    this.flush();
  }

  /** To be called when a window has opened. */
  flush(): void {
    while (this.#pending !== undefined && !this.#isOver) {
      const window = Math.max(0, Math.min(this.sendWindow, this.#host.sendWindow));
      const bytes = Math.min(this.#pending.length, framePayloadBytesMax, window);
      if (bytes === 0 && this.#pending.length > 0) {
        this.stalledAtMs ??= this.#host.nowMs();
        return;
      }
      this.#host.write(frame(frameType.data, 0, this.id, this.#pending.subarray(0, bytes)));
      this.sendWindow -= bytes;
      this.#host.sendWindow -= bytes;
      this.#pending = bytes < this.#pending.length ? this.#pending.subarray(bytes) : undefined;
    }
    this.stalledAtMs = undefined;
    if (this.#trailers === undefined || this.#isOver) return;
    this.#writeHeaders(this.#trailers, flag.endStream);
    this.#end();
  }

  /** Ends it without an answer; its receiver is told. */
  cancel(code: ErrorCode): void {
    if (!this.#isOver) this.#host.cancel(this, code);
  }

  /** The connection's word that nothing more is to be sent. */
  abort(): void {
    if (this.#isOver) return;
    this.#close();
    this.receiver?.aborted();
  }

  #writeHeaders(block: Buffer, flags: number, blockHead = this.#host.blockHead()): void {
    this.#headersSent = true;
    const whole = blockHead === undefined ? block : Buffer.concat([blockHead, block]);
    this.#host.write(frame(frameType.headers, flag.endHeaders | flags, this.id, whole));
  }

  #end(): void {
    this.#close();
    this.#host.ended(this);
  }

  #close(): void {
    this.#isOver = true;
    this.#pending = undefined;
  }
}
