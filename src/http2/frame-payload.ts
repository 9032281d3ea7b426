/** What stands around the content of a frame: padding, and a priority that nobody goes by any more. */
import { type ErrorCode, errorCode } from './error-code.ts';
import { flag } from './frame.ts';

/** A stream, and how much it weighs: five bytes before the block. Source: RFC 9113, section 6.2. */
const priorityBytes = 5;

/** @returns why it cannot be: too short for its length (4.2), or padding longer than what it pads (6.1). */
export function unpadded(flags: number, payload: Buffer): Buffer | ErrorCode {
  if ((flags & flag.padded) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined) return errorCode.frameSize;
  return padding < payload.length ? payload.subarray(1, payload.length - padding) : errorCode.protocol;
}

/** Of HEADERS. */
export function blockPiece(flags: number, payload: Buffer): Buffer | ErrorCode {
  const content = unpadded(flags, payload);
  if ((flags & flag.priority) === 0 || typeof content === 'number') return content;
  return content.length < priorityBytes ? errorCode.frameSize : content.subarray(priorityBytes);
}
