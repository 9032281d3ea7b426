/**
 * The ADS service: state of the world and delta, as a gRPC service definition with its implementation.
 *
 *   call ──▶ XdsStream (shell: socket, timers) ──▶ step (pure) ──▶ bytes        snapshots arrive from the cache
 *
 * grpc-js sees bytes only: requests are decoded here after their size was checked, responses leave as they were joined.
 * The per-type services are not offered: order between types exists only on one stream.
 */
import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { ClientStatus } from './client-status.ts';
import { delta } from './delta.ts';
import type { XdsPorts } from './ports.ts';
import type { XdsRequest } from './protocol.ts';
import { decodeDeltaRequest, decodeSotwRequest } from './request.ts';
import { encodeDeltaResponse, encodeSotwResponse } from './response.ts';
import { sotw } from './sotw.ts';
import { StreamRegistry } from './stream-registry.ts';
import { type Wire, XdsStream } from './xds-stream.io.ts';

export interface XdsService {
  /** For `server.addService(definition, implementation)`. */
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  status(): readonly ClientStatus[];
  /** Ends every stream with UNAVAILABLE, so that the clients go elsewhere: for shutdown. */
  close(): void;
}

const serviceName = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

const sotwWire = { name: 'sotw', protocol: sotw, decode: decodeSotwRequest, encode: encodeSotwResponse } as const;
const deltaWire = { name: 'delta', protocol: delta, decode: decodeDeltaRequest, encode: encodeDeltaResponse } as const;

export function createXdsService(ports: XdsPorts): XdsService {
  const registry = new StreamRegistry();
  const serve =
    <R extends XdsRequest>(wire: Wire<R>) =>
    (call: ServerDuplexStream<Buffer, Buffer>) =>
      new XdsStream(call, wire, ports, registry).listen();
  return {
    definition: {
      StreamAggregatedResources: bytesMethod('StreamAggregatedResources'),
      DeltaAggregatedResources: bytesMethod('DeltaAggregatedResources'),
    },
    implementation: { StreamAggregatedResources: serve(sotwWire), DeltaAggregatedResources: serve(deltaWire) },
    status: () => registry.all().map((stream) => stream.status()),
    close: () => {
      for (const stream of registry.all()) stream.close('server shuts down');
    },
  };
}

function bytesMethod(name: string) {
  const same = (bytes: Buffer) => bytes;
  return {
    path: `/${serviceName}/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}
