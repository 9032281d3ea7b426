/** One of the two protocols, with its bytes. */
import { delta } from './delta.ts';
import type { Protocol, XdsRequest } from './protocol.ts';
import { type Decoded, decodeDeltaRequest, decodeSotwRequest } from './request.ts';
import { deltaBody, type ResponseBody, type SharedSend, sotwBody } from './response.ts';
import { sotw } from './sotw.ts';

export interface Wire<R extends XdsRequest> {
  readonly name: 'sotw' | 'delta';
  readonly protocol: Protocol<R>;
  decode(bytes: Uint8Array): Decoded<R>;
  write(send: SharedSend, identifier: string): ResponseBody;
}

export const wires = {
  sotw: { name: 'sotw', protocol: sotw, decode: decodeSotwRequest, write: sotwBody },
  delta: { name: 'delta', protocol: delta, decode: decodeDeltaRequest, write: deltaBody },
} as const;
