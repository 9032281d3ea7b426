/** The frames of HTTP/2, as they are written. Source: RFC 9113, sections 4.1 and 6. */
import type { ErrorCode } from './error-code.ts';

/** Bytes before the payload. */
export const frameHeadBytes = 9;

/** Largest payload that everybody takes in, and that we do. Source: RFC 9113, section 4.2. */
export const framePayloadBytesMax = 16_384;

/** Of a window, and of a stream's number: both have 31 bits. */
export const word31Max = 2 ** 31 - 1;

export const frameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  reset: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

export const flag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

/** @returns where the payload begins. */
export function writeFrameHead(
  to: Buffer,
  at: number,
  type: number,
  flags: number,
  stream: number,
  length: number,
): number {
  to.writeUInt32BE(length * 0x100 + type, at);
  to[at + 4] = flags;
  to.writeUInt32BE(stream, at + 5);
  return at + frameHeadBytes;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(frameHeadBytes + payload.length);
  whole.set(payload, writeFrameHead(whole, 0, type, flags, stream, payload.length));
  return whole;
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * settings.length);
  for (const [at, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, 6 * at);
    payload.writeUInt32BE(value, 6 * at + 2);
  }
  return frame(frameType.settings, 0, 0, payload);
}

export function windowUpdateFrame(stream: number, bytes: number): Buffer {
  return frame(frameType.windowUpdate, 0, stream, words(bytes));
}

export function resetFrame(stream: number, code: ErrorCode): Buffer {
  return frame(frameType.reset, 0, stream, words(code));
}

export function goawayFrame(lastStream: number, code: ErrorCode): Buffer {
  return frame(frameType.goaway, 0, 0, words(lastStream, code));
}

function words(...values: readonly number[]): Buffer {
  const payload = Buffer.allocUnsafe(4 * values.length);
  for (const [at, value] of values.entries()) payload.writeUInt32BE(value, 4 * at);
  return payload;
}
