/** Takes every record that proxies send to it, as Envoy wrote it, and the name of the log it stood in. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { HTTPAccessLogEntry, TCPAccessLogEntry } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';
import { unixAddress } from '../../src/envoy/address.ts';
import { evidenceCluster } from '../../src/envoy/names.ts';
import { resource } from '../../src/envoy/resource.ts';
import { contentVersion, type ResourceSnapshot } from '../../src/xds/resource.ts';

export interface KeptRecord {
  readonly log: string;
  readonly entry: HTTPAccessLogEntry | TCPAccessLogEntry;
  /** Of the entry on the wire; what stands around it is shared by all of a message. */
  readonly bytes: number;
}

export class RecordKeeper {
  readonly records: KeptRecord[] = [];
  readonly #server = new Server();

  /** @param address as gRPC writes it, such as `unix:/path`. */
  static async listen(address: string): Promise<RecordKeeper> {
    const keeper = new RecordKeeper();
    keeper.#server.addService(
      {
        streamAccessLogs: {
          path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
          requestStream: true,
          responseStream: false,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        streamAccessLogs(call: NodeJS.ReadableStream) {
          let log = '';
          call.on('data', (bytes: Buffer) => {
            const { identifier, logEntries } = fromBinary(StreamAccessLogsMessageSchema, bytes);
            log = identifier?.logName ?? log;
            const entries = logEntries.value?.logEntry ?? [];
            const each = bytes.length / Math.max(1, entries.length);
            for (const entry of entries) keeper.records.push({ log, entry, bytes: each });
          });
          call.on('error', () => undefined);
        },
      },
    );
    await new Promise<void>((resolve, reject) => {
      keeper.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    return keeper;
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}

/** The same configuration, whose records go in plain HTTP/2 to a Unix socket: the bootstrap of `OneSidecar` has no TLS there. */
export function tellingAt(socketPath: string, resources: ResourceSnapshot): ResourceSnapshot {
  const hostIdentifier = { case: 'endpoint', value: { address: unixAddress(socketPath) } } as const;
  const { typeUrl, name, any } = resource(
    ClusterLoadAssignmentSchema,
    evidenceCluster,
    create(ClusterLoadAssignmentSchema, {
      clusterName: evidenceCluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier }] }],
    }),
  );
  const bytes = toBinary(AnySchema, any);
  const endpoints = new Map(resources.types.get(typeUrl));
  endpoints.set(name, { typeUrl, name, version: contentVersion(bytes), any: bytes });
  return { ...resources, types: new Map([...resources.types, [typeUrl, endpoints]]) };
}
