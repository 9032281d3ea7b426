/**
 * Finds the preface and the frames in what a client sends, in however small pieces it comes.
 *
 *   take(chunk) ──▶ frame(type, flags, stream, payload), once for each whole one ──▶ the error that ends the connection, or none
 *
 * What is whole in a chunk is a view of it. Of what is not, the beginning is copied into room of its own, which is as large as
 * the frame says that it is: a frame costs what it holds, be it sent byte by byte, and no chunk is kept for its last few bytes.
 * Source: RFC 9113, sections 3.4 and 4.1.
 */
import { type ErrorCode, errorCode } from './error-code.ts';
import { frameHeadBytes, framePayloadBytesMax, word31Max } from './frame.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const nothing = Buffer.alloc(0);

/** @param payload a view: copy what is kept. @returns why the connection ends with this frame; undefined where it goes on. */
export type TakeFrame = (type: number, flags: number, stream: number, payload: Buffer) => ErrorCode | undefined;

export class FrameReader {
  readonly #takeFrame: TakeFrame;
  /** The first `#begunBytes` are the beginning of what comes next. Never used twice: views of it may be kept. */
  #begun: Buffer = nothing;
  #begunBytes = 0;
  /** Of what comes next, as far as that is known. */
  #neededBytes = preface.length;
  #hasPreface = false;
  #wrong: ErrorCode | undefined;

  constructor(takeFrame: TakeFrame) {
    this.#takeFrame = takeFrame;
  }

  /** @param chunk hostile. After an error nothing may be given to it. */
  take(chunk: Buffer): ErrorCode | undefined {
    let at = 0;
    while (this.#begunBytes > 0 && at < chunk.length) {
      at += this.#begin(chunk, at);
      if (this.#read(this.#begun.subarray(0, this.#begunBytes)) > 0) this.clear();
      if (this.#wrong !== undefined) return this.#wrong;
    }
    if (at < chunk.length) at += this.#read(at === 0 ? chunk : chunk.subarray(at));
    if (this.#wrong === undefined && at < chunk.length) this.#begin(chunk, at);
    return this.#wrong;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#begun = nothing;
    this.#begunBytes = 0;
  }

  /** Keeps what is needed and there. @returns how much that was. */
  #begin(chunk: Buffer, at: number): number {
    if (this.#begun.length < this.#neededBytes) {
      const room = Buffer.allocUnsafe(this.#neededBytes);
      this.#begun.copy(room, 0, 0, this.#begunBytes);
      this.#begun = room;
    }
    const bytes = chunk.copy(this.#begun, this.#begunBytes, at, at + this.#neededBytes - this.#begunBytes);
    this.#begunBytes += bytes;
    return bytes;
  }

  /** Hands over what is whole. @returns how much that was; `#neededBytes` says how much the next one needs. */
  #read(bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= this.#neededBytes) {
      if (this.#hasPreface) this.#neededBytes = frameHeadBytes + (bytes.readUInt32BE(at) >>> 8);
      if (this.#neededBytes > frameHeadBytes + framePayloadBytesMax) this.#wrong = errorCode.frameSize;
      else if (bytes.length - at < this.#neededBytes) break;
      else this.#wrong = this.#hasPreface ? this.#frame(bytes, at) : this.#takePreface(bytes);
      if (this.#wrong !== undefined) break;
      at += this.#neededBytes;
      this.#neededBytes = frameHeadBytes;
    }
    return at;
  }

  #takePreface(bytes: Buffer): ErrorCode | undefined {
    this.#hasPreface = true;
    return bytes.subarray(0, preface.length).equals(preface) ? undefined : errorCode.protocol;
  }

  #frame(bytes: Buffer, at: number): ErrorCode | undefined {
    const payload = bytes.subarray(at + frameHeadBytes, at + this.#neededBytes);
    return this.#takeFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5) & word31Max, payload);
  }
}
