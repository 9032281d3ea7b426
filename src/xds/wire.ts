/** One of the two protocols, with its bytes. */
import { delta } from './delta.ts';
import type { Send } from './order.ts';
import type { Protocol, XdsRequest } from './protocol.ts';
import { type Decoded, decodeDeltaRequest, decodeSotwRequest } from './request.ts';
import { encodeDeltaResponse, encodeSotwResponse } from './response.ts';
import { sotw } from './sotw.ts';

export interface Wire<R extends XdsRequest> {
  readonly name: 'sotw' | 'delta';
  readonly protocol: Protocol<R>;
  decode(bytes: Uint8Array): Decoded<R>;
  encode(send: Send, identifier: string): Buffer;
}

export const wires = {
  sotw: { name: 'sotw', protocol: sotw, decode: decodeSotwRequest, encode: encodeSotwResponse },
  delta: { name: 'delta', protocol: delta, decode: decodeDeltaRequest, encode: encodeDeltaResponse },
} as const;
