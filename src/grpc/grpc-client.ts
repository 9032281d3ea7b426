/**
 * A typed gRPC client over one address: methods are protobuf-es descriptors, so there is nothing to generate.
 *
 *   client.unary(Authorization.method.check, request, { deadlineMs }) ──▶ Promise of the response
 *   client.stream(AggregatedDiscoveryService.method.streamAggregatedResources) ──▶ duplex
 */

import { createSecureContext } from 'node:tls';
import type { DescMethodBiDiStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, type ClientDuplexStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import { clientReceiveMessageBytesMax, keepaliveTimeMs, keepaliveTimeoutMs } from './limits.ts';
import { type MethodForms, methodDefinition, type RequestOf, type ResponseOf } from './method-definition.ts';
import { tlsVersions } from './tls-material.ts';

export interface GrpcClientOptions {
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** The server's name in its certificate, whatever the address. */
  readonly serverName: string;
  /** Anchors for the server's certificate. */
  readonly serverCaPem: string;
  /** Our own certificate, chain and key, where the server asks for one. */
  readonly certificate?: { readonly certificateChainPem: string; readonly privateKeyPem: { reveal(): string } };
}

export interface UnaryOptions {
  readonly metadata?: Metadata;
  /** How long the call may take, in ms. */
  readonly deadlineMs: number;
}

export interface GrpcClient {
  /** @throws ServiceError with the gRPC status, DEADLINE_EXCEEDED at the latest after `deadlineMs`. */
  unary<D extends DescMethodUnary, const F extends MethodForms = object>(
    method: D,
    request: RequestOf<D, F>,
    options: UnaryOptions,
    forms?: F,
  ): Promise<ResponseOf<D, F>>;
  stream<D extends DescMethodBiDiStreaming, const F extends MethodForms = object>(
    method: D,
    metadata?: Metadata,
    forms?: F,
  ): ClientDuplexStream<RequestOf<D, F>, ResponseOf<D, F>>;
  close(): void;
}

export function createGrpcClient({ address, serverName, serverCaPem, certificate }: GrpcClientOptions): GrpcClient {
  const context = createSecureContext({
    ca: serverCaPem,
    ...(certificate === undefined
      ? {}
      : { cert: certificate.certificateChainPem, key: certificate.privateKeyPem.reveal() }),
    ...tlsVersions,
  });
  const client = new Client(address, ChannelCredentials.createFromSecureContext(context), {
    'grpc.ssl_target_name_override': serverName,
    'grpc.default_authority': serverName,
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.max_receive_message_length': clientReceiveMessageBytesMax,
    'grpc.use_local_subchannel_pool': 1, // two clients with different certificates must never share a connection
    'grpc.enable_channelz': 0,
  });
  return {
    unary(method, request, { metadata = new Metadata(), deadlineMs }, forms) {
      const { path, requestSerialize, responseDeserialize } = methodDefinition(method, forms ?? {});
      return new Promise((resolve, reject) => {
        const done = (error: ServiceError | null, response?: unknown): void =>
          error === null ? resolve(response as never) : reject(error);
        const deadline = Date.now() + deadlineMs;
        client.makeUnaryRequest(
          path,
          requestSerialize as (value: unknown) => Buffer,
          responseDeserialize,
          request,
          metadata,
          { deadline },
          done,
        );
      });
    },

    stream(method, metadata = new Metadata(), forms) {
      const definition = methodDefinition(method, forms ?? {});
      return client.makeBidiStreamRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        metadata,
      ) as never;
    },

    close() {
      client.close();
    },
  };
}
