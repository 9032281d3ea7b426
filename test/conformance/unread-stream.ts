/**
 * A client that asks for listeners and then never reads: its HTTP/2 window closes after 64 KiB.
 * gRPC libraries read ahead, so this one speaks HTTP/2 itself.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { ProtocolName } from './ads-stream.ts';
import { typeUrlOf } from './contents.ts';

export function openUnreadStream(protocol: ProtocolName, address: string, nodeId: string) {
  const session: ClientHttp2Session = connect(`http://${address}`);
  const method = protocol === 'sotw' ? 'StreamAggregatedResources' : 'DeltaAggregatedResources';
  const stream = session.request({
    ':method': 'POST',
    ':path': `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  const fields = { node: { id: nodeId }, typeUrl: typeUrlOf('listener') };
  const message =
    protocol === 'sotw'
      ? toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, fields))
      : toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, fields));
  const uncompressed = 0;
  stream.write(Buffer.concat([Buffer.of(uncompressed, 0, 0, 0, message.length), message]));
  return {
    /** Code of the RST_STREAM that ended it. */
    resetCode: new Promise<number>((resolve) => stream.on('close', () => resolve(stream.rstCode))),
    /** Rejects where the server has closed the connection. */
    ping: () =>
      new Promise<void>((resolve, reject) => {
        if (session.closed || session.destroyed) return reject(new Error('the connection is closed'));
        session.ping((error) => (error === null ? resolve() : reject(error)));
      }),
    close: () => session.destroy(),
  };
}
