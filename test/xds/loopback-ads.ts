/** Our ADS service on a loopback port, with a clock that moves when told to, until the test ends. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { SnapshotCache } from '../../src/xds/cache.ts';
import type { Admission, Caller } from '../../src/xds/ports.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { GrpcStream } from './grpc-stream.ts';
import { TestClock } from './test-clock.ts';

export async function startLoopbackAds() {
  const cache = new SnapshotCache();
  const clock = new TestClock();
  const events: XdsEvent[] = [];
  let judge = async ({ node }: Caller): Promise<Admission> => ({ kind: 'client', key: node.id });
  const service = createXdsService({
    authenticate: (caller) => judge(caller),
    snapshots: cache,
    clock,
    observe: (event) => events.push(event),
    identifier: 'loopback',
  });
  // As the mesh's own server: no request is larger than the library's own default.
  const server = new Server();
  server.addService(service.definition, service.implementation);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  onTestFinished(() => {
    service.close();
    server.forceShutdown();
  });
  cache.setReady();
  const address = `127.0.0.1:${port}`;
  return {
    port,
    cache,
    clock,
    events,
    service,
    /** Judges from now on; until then every node is the client of its own id. */
    judge(next: (caller: Caller) => Promise<Admission>) {
      judge = next;
    },
    sotw() {
      const method = 'StreamAggregatedResources';
      return closedInTheEnd(new GrpcStream(address, method, DiscoveryRequestSchema, DiscoveryResponseSchema));
    },
    delta() {
      const method = 'DeltaAggregatedResources';
      return closedInTheEnd(new GrpcStream(address, method, DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema));
    },
    countOf: (kind: XdsEvent['kind'], key: string) =>
      events.filter((event) => event.kind === kind && 'key' in event && event.key === key).length,
  };
}

export type LoopbackAds = Awaited<ReturnType<typeof startLoopbackAds>>;

function closedInTheEnd<S extends { close(): void }>(stream: S): S {
  onTestFinished(() => stream.close());
  return stream;
}
