/**
 * One filter chain, read: its handshake, then its network filters up to the one that passes the connection on.
 *
 *   connection ──TLS: whose CA, which name──▶ peer ──network RBAC──▶ tcp_proxy, or the connection manager ──▶ cluster
 */

import type { Filter, FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import type { RBAC as Rules } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { type HeldResources, hasUnknownFields, unpacked } from './held-resources.ts';
import { HttpReading } from './http-reading.ts';
import { type Trust, trustOf } from './trust-reading.ts';

export type Handshake =
  | { readonly kind: 'none' }
  | { readonly kind: 'tls'; readonly trust: Trust; readonly certificateRequired: boolean }
  | { readonly kind: 'strange'; readonly why: string };

export type NetworkFilter =
  | { readonly kind: 'rbac'; readonly name: string; readonly rules: Rules | undefined }
  | { readonly kind: 'http'; readonly http: HttpReading }
  | { readonly kind: 'tcp'; readonly clusters: readonly string[] }
  /** Named, and nowhere delivered: Envoy closes the connection. */
  | { readonly kind: 'missing'; readonly name: string }
  | { readonly kind: 'strange'; readonly why: string };

export interface ChainReading {
  readonly name: string;
  readonly handshake: Handshake;
  readonly filters: readonly NetworkFilter[];
}

const rawBuffer = 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer';

export function readChain(chain: FilterChain, held: HeldResources): ChainReading {
  const handshake = hasUnknownFields(chain)
    ? ({ kind: 'strange', why: 'a field of the filter chain' } as const)
    : readHandshake(chain, held);
  return { name: chain.name, handshake, filters: chain.filters.map((filter) => readFilter(filter, held)) };
}

function readHandshake({ transportSocket }: FilterChain, held: HeldResources): Handshake {
  if (transportSocket === undefined) return { kind: 'none' };
  const any = transportSocket.configType.value;
  if (any?.typeUrl === rawBuffer) return { kind: 'none' };
  const tls = unpacked(DownstreamTlsContextSchema, any);
  if (tls === undefined || hasUnknownFields(tls)) {
    return { kind: 'strange', why: `the transport socket \`${transportSocket.name}\`` };
  }
  const trust = trustOf(tls.commonTlsContext, held);
  return { kind: 'tls', trust, certificateRequired: tls.requireClientCertificate === true };
}

function readFilter({ name, configType }: Filter, held: HeldResources): NetworkFilter {
  let any = configType.case === 'typedConfig' ? configType.value : undefined;
  if (configType.case === 'configDiscovery') {
    const { defaultConfig } = configType.value;
    any = held.extension(name)?.typedConfig;
    if (any === undefined) {
      return defaultConfig === undefined
        ? { kind: 'missing', name }
        : { kind: 'strange', why: `the filter \`${name}\`` };
    }
  }
  const rbac = unpacked(RBACSchema, any);
  if (rbac !== undefined) {
    return rbac.matcher === undefined && !hasUnknownFields(rbac)
      ? { kind: 'rbac', name, rules: rbac.rules }
      : { kind: 'strange', why: `the rules of \`${name}\`` };
  }
  const manager = unpacked(HttpConnectionManagerSchema, any);
  if (manager !== undefined) return { kind: 'http', http: new HttpReading(manager, held) };
  const proxy = unpacked(TcpProxySchema, any);
  if (proxy === undefined || hasUnknownFields(proxy)) return { kind: 'strange', why: `the filter \`${name}\`` };
  const { clusterSpecifier: to } = proxy;
  if (to.case === 'cluster') return { kind: 'tcp', clusters: [to.value] };
  return to.case === 'weightedClusters'
    ? { kind: 'tcp', clusters: to.value.clusters.map((each) => each.name) }
    : { kind: 'strange', why: `where \`${name}\` leads` };
}
