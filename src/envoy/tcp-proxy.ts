/**
 * Opaque bytes on both sides: databases and message buses.
 *
 * The application is dialled only after a good TLS handshake, so a refused peer of a server-first protocol reads no
 * greeting and the application sees no connection.
 */
import { create } from '@bufbuild/protobuf';
import { type Filter, FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import {
  TcpProxySchema,
  UpstreamConnectMode,
} from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { CallerTenant, InboundPort } from '../policy/view.ts';
import { applicationCluster, inboundName } from './names.ts';
import { allowIdentities } from './rbac.ts';
import { durationOf, pack } from './resource.ts';

/** Longest life of a TCP connection that another tenant's grant carries, in ms: the bound on an expired grant with every control plane dead. */
const grantedConnectionMaxMs = 3_600_000;

/** Network RBAC repeats the rule of the TLS context, then the application is dialled. */
export function inboundTcp({ port }: InboundPort, caller: CallerTenant, own: boolean): readonly Filter[] {
  const statPrefix = inboundName(port).replaceAll('/', '_');
  return [
    networkRbac(statPrefix, caller.spiffeIds),
    tcpProxyFilter({
      statPrefix,
      clusterSpecifier: { case: 'cluster', value: applicationCluster(port) },
      upstreamConnectMode: UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE,
      maxEarlyDataBytes: 0,
      ...(own ? {} : { maxDownstreamConnectionDuration: durationOf(grantedConnectionMaxMs) }),
    }),
  ];
}

export function outboundTcp(cluster: string): Filter {
  return tcpProxyFilter({
    statPrefix: cluster.replaceAll('/', '_'),
    clusterSpecifier: { case: 'cluster', value: cluster },
  });
}

function networkRbac(statPrefix: string, spiffeIds: readonly string[]): Filter {
  const value = create(RBACSchema, { statPrefix, rules: allowIdentities(spiffeIds) });
  return create(FilterSchema, {
    name: 'envoy.filters.network.rbac',
    configType: { case: 'typedConfig', value: pack(RBACSchema, value) },
  });
}

function tcpProxyFilter(init: Parameters<typeof create<typeof TcpProxySchema>>[1]): Filter {
  return create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: { case: 'typedConfig', value: pack(TcpProxySchema, create(TcpProxySchema, init)) },
  });
}
