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
import type { CallerTenant } from '../policy/view.ts';
import { tcpEdgeLog } from './edge-log.ts';
import { applicationCluster, inboundName, peersRules } from './names.ts';
import type { Door } from './proxy-parts.ts';
import { durationOf, pack } from './resource.ts';
import { fromAds } from './tls.ts';

/** Longest life of a TCP connection that another tenant's grant carries, in ms: the bound on an expired grant with every control plane dead. */
const grantedConnectionMaxMs = 3_600_000;

/** Network RBAC repeats the rule of the TLS context, then the application is dialled. */
export function inboundTcp({ port }: Door, caller: CallerTenant, own: boolean): readonly Filter[] {
  const statPrefix = inboundName(port).replaceAll('/', '_');
  return [
    networkRbac(peersRules(port, caller.tenant)),
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
  return tcpProxyFilter(toCluster(cluster));
}

/**
 * The way to one service, which drills may look at by its log: a record when the upstream stands, which is what a
 * caller waits for, and one at the end, which may be hours later.
 */
export function outboundTcpEdge(cluster: string): Filter {
  return tcpProxyFilter({
    ...toCluster(cluster),
    accessLog: [tcpEdgeLog(cluster)],
    accessLogOptions: { flushAccessLogOnConnected: true },
  });
}

function toCluster(cluster: string) {
  return {
    statPrefix: cluster.replaceAll('/', '_'),
    clusterSpecifier: { case: 'cluster', value: cluster },
  } as const;
}

/** The chain says only where its rules are: a rule inside it would end every connection of the chain when it changed. */
function networkRbac(rules: string): Filter {
  return create(FilterSchema, {
    name: rules,
    configType: {
      case: 'configDiscovery',
      value: { configSource: fromAds(), typeUrls: [`type.googleapis.com/${RBACSchema.typeName}`] },
    },
  });
}

function tcpProxyFilter(init: Parameters<typeof create<typeof TcpProxySchema>>[1]): Filter {
  return create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: { case: 'typedConfig', value: pack(TcpProxySchema, create(TcpProxySchema, init)) },
  });
}
