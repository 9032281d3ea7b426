/** A server of a real service whose answers say what it saw: the peer, and the token. One test, one server. */

import { create } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import { Authorization, CheckResponseSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import { DiscoveryResponseSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { createGrpcClient, type GrpcClient, type GrpcClientOptions } from '../../src/grpc/grpc-client.ts';
import { createGrpcServer, type GrpcServer, type GrpcServerOptions } from '../../src/grpc/grpc-server.ts';
import { peerOf, tokenOf } from '../../src/grpc/peer.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { clientLeaf, serverLeaf, serverName } from './authority.ts';

export interface EchoServer {
  readonly server: GrpcServer;
  readonly address: string;
  readonly port: number;
}

/** Check answers with a status message in JSON of peer and token; a stream answers each request with its version. */
export async function echoServer(authority: Authority, changes: Partial<GrpcServerOptions> = {}): Promise<EchoServer> {
  const server = createGrpcServer({
    address: '127.0.0.1:0',
    tls: { ...serverLeaf(authority), clientCaPem: authority.rootPem },
    requireClientCertificate: true,
    ...changes,
  });
  server.addService(
    Authorization,
    {},
    {
      check(call, callback) {
        const message = JSON.stringify({ peer: peerOf(call), token: tokenOf(call.metadata) });
        callback(null, create(CheckResponseSchema, { status: { code: 0, message } }));
      },
    },
  );
  server.addService(
    AggregatedDiscoveryService,
    { deltaAggregatedResources: { request: 'raw', response: 'raw' } },
    {
      streamAggregatedResources(call) {
        call.on('data', ({ versionInfo }) => call.write(create(DiscoveryResponseSchema, { versionInfo })));
        call.on('end', () => call.end());
      },
      deltaAggregatedResources(call) {
        call.on('data', (bytes: Uint8Array) => call.write(bytes));
        call.on('end', () => call.end());
      },
    },
  );
  const bound = await server.bind();
  if (bound.kind === 'refused') throw new Error(bound.message);
  onTestFinished(async () => {
    await server.close(0);
  });
  return { server, address: bound.address, port: bound.port };
}

export function clientOf(authority: Authority, address: string, changes: Partial<GrpcClientOptions> = {}): GrpcClient {
  const client = createGrpcClient({
    address,
    serverName,
    serverCaPem: authority.rootPem,
    certificate: clientLeaf(authority),
    ...changes,
  });
  onTestFinished(() => client.close());
  return client;
}

/** The next message of a stream. */
export function nextOf<T>(stream: ClientDuplexStream<never, T>): Promise<T> {
  return new Promise((resolve, reject) => {
    stream.once('data', resolve);
    stream.once('error', reject);
  });
}
