/** The service that `echo-server.ts` offers and `echo-client.ts` calls: messages are bytes, and mean nothing. */
import type { MethodDefinition } from '@grpc/grpc-js';

export function unary(method: string): MethodDefinition<Buffer, Buffer> {
  return definition(method, false);
}

/** Streams in both directions. */
export function bidirectional(method: string): MethodDefinition<Buffer, Buffer> {
  return definition(method, true);
}

function definition(method: string, stream: boolean): MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer) => bytes;
  return {
    path: `/test.Echo/${method}`,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}
