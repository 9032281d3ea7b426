/**
 * From a protobuf-es method to a grpc-js one.
 *
 *   Authorization.method.check ──methodDefinition──▶ path, kind, (de)serializers
 *
 * Each side of a method is either `decoded` (message objects) or `raw` (the bytes as they travel): a server that wrote
 * its resources once sends the same bytes to every stream, and pays for no encoding.
 */
import { type DescMethod, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { MethodDefinition } from '@grpc/grpc-js';
import { rawBytes } from './raw-bytes.ts';

type Form = 'decoded' | 'raw';

export interface MethodForms {
  readonly request?: Form;
  readonly response?: Form;
}

/** What a handler or caller holds: bytes where the side is raw, a message otherwise. */
export type RequestOf<D extends DescMethod, F> = F extends { request: 'raw' } ? Uint8Array : MessageShape<D['input']>;
export type ResponseOf<D extends DescMethod, F> = F extends { response: 'raw' }
  ? Uint8Array
  : MessageShape<D['output']>;

export function methodDefinition<D extends DescMethod, const F extends MethodForms>(
  method: D,
  { request = 'decoded', response = 'decoded' }: F,
): MethodDefinition<RequestOf<D, F>, ResponseOf<D, F>> {
  const requests = codec(method.input, request);
  const responses = codec(method.output, response);
  const { methodKind } = method;
  const definition: MethodDefinition<unknown, unknown> = {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: requests.serialize,
    requestDeserialize: requests.deserialize,
    responseSerialize: responses.serialize,
    responseDeserialize: responses.deserialize,
  };
  return definition as MethodDefinition<RequestOf<D, F>, ResponseOf<D, F>>;
}

interface Codec {
  serialize(value: unknown): Buffer;
  deserialize(bytes: Buffer): unknown;
}

function codec(message: DescMethod['input'], form: Form): Codec {
  if (form === 'raw') return { serialize: (value) => rawBytes(value as Uint8Array), deserialize: (bytes) => bytes };
  return {
    serialize: (value) => rawBytes(toBinary(message, value as MessageShape<typeof message>)),
    deserialize: (bytes) => fromBinary(message, bytes),
  };
}
