/**
 * The ADS service: state of the world and delta, as a gRPC service definition with its implementation.
 *
 *   call ──▶ XdsStream (shell: socket, timers) ──▶ step (pure) ──▶ bytes        snapshots arrive from the cache
 *
 * grpc-js sees bytes only: requests are decoded here after their size was checked, responses leave as they are and are
 * joined where the transport copies them (response.ts).
 * The per-type services are not offered: order between types exists only on one stream.
 */
import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { type AdmissionCounts, AdmissionGate } from './admission-gate.ts';
import type { ClientStatus } from './client-status.ts';
import { admissionsAtOnceMax, admissionsWaitingMax } from './limits.ts';
import type { XdsPorts } from './ports.ts';
import type { XdsRequest } from './protocol.ts';
import type { Response } from './response.ts';
import { SharedBodies } from './shared-bodies.ts';
import { SharedTimers } from './shared-timers.ts';
import { StreamRegistry } from './stream-registry.ts';
import { type Wire, wires } from './wire.ts';
import { XdsStream } from './xds-stream.io.ts';

export interface XdsService {
  /** For `server.addService(definition, implementation)`. */
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  status(): readonly ClientStatus[];
  /** Clients that get their first configuration now, and clients that stand in line for it. */
  admissions(): AdmissionCounts;
  /** Judges the open streams of these clients at once: there is news of them. */
  judgeAgain(keys: ReadonlySet<string>): void;
  /** Ends every stream with UNAVAILABLE, so that the clients go elsewhere: for shutdown. */
  close(): void;
}

const serviceName = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

export function createXdsService(host: XdsPorts): XdsService {
  const ports: XdsPorts = { ...host, clock: new SharedTimers(host.clock) };
  const registry = new StreamRegistry();
  const gate = new AdmissionGate(admissionsAtOnceMax, admissionsWaitingMax);
  const serve = <R extends XdsRequest>(wire: Wire<R>) => {
    const bodies = new SharedBodies((send) => wire.write(send, ports.identifier));
    return (call: ServerDuplexStream<Buffer, Response>) =>
      new XdsStream(call, wire, { ports, registry, gate, bodies }).listen();
  };
  return {
    definition: {
      StreamAggregatedResources: bytesMethod('StreamAggregatedResources'),
      DeltaAggregatedResources: bytesMethod('DeltaAggregatedResources'),
    },
    implementation: { StreamAggregatedResources: serve(wires.sotw), DeltaAggregatedResources: serve(wires.delta) },
    status: () => registry.all().flatMap((stream) => stream.status() ?? []),
    admissions: () => gate.counts(),
    judgeAgain: (keys) => {
      for (const stream of registry.all()) if (keys.has(stream.key)) stream.judgeAgain();
    },
    close: () => {
      for (const stream of registry.all()) stream.close('server shuts down');
    },
  };
}

function bytesMethod(name: string) {
  const same = (bytes: Buffer) => bytes;
  const unjoined = (response: Response) => response as unknown as Buffer;
  return {
    path: `/${serviceName}/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: unjoined,
    responseDeserialize: same,
  };
}
