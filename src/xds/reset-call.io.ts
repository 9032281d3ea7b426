/**
 * Cuts off a call whose peer has stopped reading.
 *
 * grpc-js can end a call only with a status, and a status waits behind the messages that are not taken: the buffers
 * would stay for as long as the connection does. So this reaches for the HTTP/2 stream below and resets it; should a
 * version of grpc-js keep it elsewhere, nothing happens here, and keepalive ends the connection in time.
 */
import { constants } from 'node:http2';

/** Most interceptors that can lie between a call and its stream. */
const interceptorsMax = 16;

export function resetCall(call: object): void {
  let below = memberOf(call, 'call');
  for (let depth = 0; depth < interceptorsMax && memberOf(below, 'nextCall') !== undefined; depth += 1) {
    below = memberOf(below, 'nextCall');
  }
  const stream = memberOf(below, 'stream');
  const close = memberOf(stream, 'close');
  if (typeof close === 'function') Reflect.apply(close, stream, [constants.NGHTTP2_CANCEL]);
}

function memberOf(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined;
}
