/** Options that clusters of different purpose share. */
import { create } from '@bufbuild/protobuf';
import { Http2ProtocolOptionsSchema } from '#gen/envoy/config/core/v3/protocol_pb.js';
import {
  type SocketOption,
  SocketOption_SocketState,
  SocketOptionSchema,
} from '#gen/envoy/config/core/v3/socket_option_pb.js';
import type { RetryPolicy } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { CaptureBypass } from './platform.ts';
import { outsideMarkBit } from './redirect.ts';
import { pack } from './resource.ts';

/** Envoy's `upstream_bind_config` for the bypass; every cluster needs it, or its connections come back to the sidecar. */
export function bypassOption(bypass: CaptureBypass) {
  return bypass.kind === 'user' ? {} : markOption(bypass.mark);
}

/**
 * The bypass of a connection that leaves the mesh: told apart by the pod's rules, which keep it from private addresses.
 * By user alone it cannot be told apart; there the network's own policy must do it, see docs/decisions.
 */
export function outsideOption(bypass: CaptureBypass) {
  return bypass.kind === 'user' ? {} : markOption(bypass.mark | outsideMarkBit);
}

/** The same mark on what answers at a listener: the rules let nobody else answer there. */
export function answeringOption(bypass: CaptureBypass) {
  return bypass.kind === 'user' ? {} : { socketOptions: [socketMark(bypass.mark)] };
}

function markOption(mark: number) {
  return { upstreamBindConfig: { socketOptions: [socketMark(mark)] } };
}

function socketMark(mark: number): SocketOption {
  return create(SocketOptionSchema, {
    description: 'SO_MARK',
    level: 1n,
    name: 36n,
    value: { case: 'intValue', value: BigInt(mark) },
    state: SocketOption_SocketState.STATE_PREBIND,
  });
}

/** What the upstream chooses in its handshake: HTTP/2, or HTTP/1.1 without a choice. */
export function eitherHttp() {
  const options = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: { case: 'autoConfig', value: { http2ProtocolOptions: {} } },
  });
  return { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': pack(HttpProtocolOptionsSchema, options) };
}

/** HTTP/2 towards the upstream, whatever the downstream speaks. @param retryPolicy of every call to the cluster, whatever a route says. */
export function http2Only(retryPolicy?: RetryPolicy) {
  const options = create(HttpProtocolOptionsSchema, {
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: { protocolConfig: { case: 'http2ProtocolOptions', value: create(Http2ProtocolOptionsSchema) } },
    },
  });
  return { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': pack(HttpProtocolOptionsSchema, options) };
}
