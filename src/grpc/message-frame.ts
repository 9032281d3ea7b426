/**
 * gRPC's frame around one message: a flag, four bytes of length, the message.
 * Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */
import { status } from '@grpc/grpc-js';

/** Bytes before the message. */
const headBytes = 5;

export type FrameContent =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  | { readonly kind: 'refused'; readonly code: status; readonly details: string };

export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, headBytes);
  return frame;
}

/** @param body of a whole call that has one message: hostile. @returns a view of it. */
export function messageIn(body: Buffer): FrameContent {
  if (body.length < headBytes) return refused(status.INTERNAL, 'the call ended before its message');
  if (body[0] !== 0) return refused(status.UNIMPLEMENTED, 'compressed messages are not read');
  const length = body.readUInt32BE(1);
  if (body.length !== headBytes + length) return refused(status.INTERNAL, 'the call is not one whole message');
  return { kind: 'message', bytes: body.subarray(headBytes) };
}

function refused(code: status, details: string): FrameContent {
  return { kind: 'refused', code, details };
}
