/**
 * A client that asks for listeners and then never reads: its HTTP/2 window closes after 64 KiB.
 * gRPC libraries read ahead, so this one speaks HTTP/2 itself.
 */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { typeUrls } from '../../src/xds/type-url.ts';
import type { SessionKind } from './sessions.ts';

export function openUnreadStream(kind: SessionKind, address: string, nodeId: string) {
  const session = connectHttp2('http://localhost', { createConnection: () => connect(address.replace('unix:', '')) });
  const method = kind === 'sotw' ? 'StreamAggregatedResources' : 'DeltaAggregatedResources';
  const stream = session.request({
    ':method': 'POST',
    ':path': `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  const fields = { node: { id: nodeId }, typeUrl: typeUrls.listener };
  const message =
    kind === 'sotw'
      ? toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, fields))
      : toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, fields));
  const uncompressed = 0;
  stream.write(Buffer.concat([Buffer.of(uncompressed, 0, 0, 0, message.length), message]));
  return {
    /** Code of the RST_STREAM that ended it. */
    resetCode: new Promise<number>((resolve) => stream.on('close', () => resolve(stream.rstCode))),
    close: () => session.destroy(),
  };
}
