/**
 * Finds the preface and the frames in what a client sends, in however small pieces it comes.
 *
 *   take(chunk) ──▶ frame(type, flags, stream, payload), once for each whole one ──▶ the error that ends the connection, or none
 *
 * What is no whole frame yet waits, at most one of it; its pieces are joined once, and not again with each that is added.
 * Source: RFC 9113, sections 3.4 and 4.1.
 */
import { type ErrorCode, errorCode } from './error-code.ts';
import { frameHeadBytes, framePayloadBytesMax, word31Max } from './frame.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** @param payload a view: copy what is kept. @returns why the connection ends with this frame; undefined where it goes on. */
export type TakeFrame = (type: number, flags: number, stream: number, payload: Buffer) => ErrorCode | undefined;

export class FrameReader {
  readonly #takeFrame: TakeFrame;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #neededBytes = preface.length;
  #hasPreface = false;

  constructor(takeFrame: TakeFrame) {
    this.#takeFrame = takeFrame;
  }

  /** @param chunk hostile. After an error nothing may be given to it. */
  take(chunk: Buffer): ErrorCode | undefined {
    const bytes = this.#joined(chunk);
    if (bytes === undefined) return undefined;
    let at = 0;
    while (bytes.length - at >= this.#neededBytes) {
      const wrong = this.#hasPreface ? this.#frame(bytes, at) : this.#takePreface(bytes);
      if (wrong !== undefined) return wrong;
      if (bytes.length - at < this.#neededBytes) break;
      at += this.#neededBytes;
      this.#neededBytes = frameHeadBytes;
    }
    if (at < bytes.length) this.#pieces = [bytes.subarray(at)];
    this.#pieceBytes = bytes.length - at;
    return undefined;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#pieces = [];
  }

  #joined(chunk: Buffer): Buffer | undefined {
    if (this.#pieces.length === 0) return chunk;
    this.#pieces.push(chunk);
    this.#pieceBytes += chunk.length;
    if (this.#pieceBytes < this.#neededBytes) return undefined;
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    return whole;
  }

  #takePreface(bytes: Buffer): ErrorCode | undefined {
    this.#hasPreface = true;
    return bytes.subarray(0, preface.length).equals(preface) ? undefined : errorCode.protocol;
  }

  /** Hands over the frame at `at`, or says in `#neededBytes` how long it is. */
  #frame(bytes: Buffer, at: number): ErrorCode | undefined {
    const payloadBytes = bytes.readUInt32BE(at) >>> 8;
    if (payloadBytes > framePayloadBytesMax) return errorCode.frameSize;
    this.#neededBytes = frameHeadBytes + payloadBytes;
    if (bytes.length - at < this.#neededBytes) return undefined;
    const payload = bytes.subarray(at + frameHeadBytes, at + this.#neededBytes);
    return this.#takeFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5) & word31Max, payload);
  }
}
