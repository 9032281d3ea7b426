/**
 * Cuts off a call whose peer has stopped reading.
 *
 * grpc-js can end a call only with a status, and a status waits behind the messages that are not taken: the buffers
 * would stay for as long as the connection does. So this reaches for the HTTP/2 stream below and resets it; should a
 * version of grpc-js keep it elsewhere, nothing happens here, and keepalive ends the connection in time.
 */
import { constants } from 'node:http2';
import { memberOf, streamBelow } from './stream-below.ts';

export function resetCall(call: object): void {
  const stream = streamBelow(call);
  const close = memberOf(stream, 'close');
  if (typeof close === 'function') Reflect.apply(close, stream, [constants.NGHTTP2_CANCEL]);
}
