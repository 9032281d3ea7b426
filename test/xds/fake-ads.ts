/** An ADS server whose every word is the test's: streams in the order they came, requests as they arrived. */
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import { AggregatedDiscoveryService } from '#gen/envoy/service/discovery/v3/ads_pb.js';
import {
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { createGrpcClient, type GrpcClient } from '../../src/grpc/grpc-client.ts';
import { createGrpcServer } from '../../src/grpc/grpc-server.ts';
import { tokenHeader } from '../../src/grpc/peer.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { serverLeaf, serverName } from '../grpc/authority.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

export class FakeStream {
  readonly token: string;
  readonly #call: ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;
  readonly #requests: DeltaDiscoveryRequest[] = [];
  #arrived: () => void = () => undefined;

  constructor(call: ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>) {
    this.#call = call;
    this.token = String(call.metadata.get(tokenHeader)[0]);
    call.on('error', () => undefined);
    call.on('data', (request: DeltaDiscoveryRequest) => {
      this.#requests.push(request);
      this.#arrived();
    });
  }

  /** The next request, in order; each once. */
  async next(): Promise<DeltaDiscoveryRequest> {
    for (;;) {
      const request = this.#requests.shift();
      if (request !== undefined) return request;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  say(response: MessageInitShape<typeof DeltaDiscoveryResponseSchema>): void {
    this.#call.write(create(DeltaDiscoveryResponseSchema, response));
  }

  refuse(details: string): void {
    this.#call.emit('error', { code: status.UNAVAILABLE, details });
  }

  end(): void {
    this.#call.end();
  }

  /** Resolves when the client has left. */
  left(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#call.cancelled) resolve();
      else this.#call.once('cancelled', () => resolve());
    });
  }
}

export class FakeAds {
  readonly address: string;
  readonly #authority: Authority;
  readonly #streams: FakeStream[] = [];
  #arrived: () => void = () => undefined;

  private constructor(address: string, authority: Authority) {
    this.address = address;
    this.#authority = authority;
  }

  /** On a Unix socket, until the test ends. */
  static async start(authority: Authority): Promise<FakeAds> {
    const ads = new FakeAds(`unix:${join(await temporaryFolder(), 'ads.sock')}`, authority);
    const server = createGrpcServer({
      address: ads.address,
      tls: serverLeaf(authority),
      requireClientCertificate: false,
    });
    server.addService(
      AggregatedDiscoveryService,
      {},
      {
        streamAggregatedResources: (call) => call.end(),
        deltaAggregatedResources(call) {
          ads.#streams.push(new FakeStream(call));
          ads.#arrived();
        },
      },
    );
    const bound = await server.bind();
    if (bound.kind === 'refused') throw new Error(bound.message);
    onTestFinished(async () => {
      await server.close(0);
    });
    return ads;
  }

  client(): GrpcClient {
    return createGrpcClient({ address: this.address, serverName, serverCaPem: this.#authority.rootPem });
  }

  /** The next stream that a client opens; each once. */
  async stream(): Promise<FakeStream> {
    for (;;) {
      const stream = this.#streams.shift();
      if (stream !== undefined) return stream;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}
