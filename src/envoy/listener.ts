/**
 * Listeners: one that catches all inbound, one that catches all outbound, and one per service address that may be dialled.
 *
 *   inbound   15006 ──original_dst, tls_inspector──▶ chain (declared port) x (caller tenant, from SNI) ──▶ application
 *   outbound  15001 ──original_dst──▶ the listener of the dialled address; none, and the connection is closed
 *
 * Chains match TLS only. What matches no chain (plaintext, an unknown SNI, an undeclared port) Envoy closes without a
 * byte. A grant adds or removes one chain and leaves the connections of every other chain alone.
 */
import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import {
  type FilterChain,
  FilterChainSchema,
  type ListenerFilter,
  ListenerFilterSchema,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { inboundCapturePort, outboundCapturePort } from '../model/ports.ts';
import type { CallerTenant, InboundPort, OutboundPort, ProxyView } from '../policy/view.ts';
import { connectionLog } from './access-log.ts';
import { dualStack, tcpAddress } from './address.ts';
import { inboundHttp, outboundHttp } from './http-connection-manager.ts';
import {
  inboundChainName,
  inboundListener,
  inboundName,
  outboundListener,
  outboundRoute,
  outboundServiceListener,
  peersSecret,
  serviceCluster,
  sniOf,
  tenantTrustSecret,
} from './names.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';
import { inboundTcp, outboundTcp } from './tcp-proxy.ts';
import { downstreamTls } from './tls.ts';

/** How long a connection may stay silent before its first TLS record, in ms; then it is closed without an answer. */
const firstRecordTimeoutMs = 1_000;

export function listenersOf(view: ProxyView): readonly EnvoyResource[] {
  return [
    inbound(view),
    outboundCatch(),
    ...view.outbound.flatMap((port) => port.virtualIps.map((virtualIp) => outboundService(port, virtualIp))),
  ];
}

function inbound(view: ProxyView): EnvoyResource {
  const chains = view.inbound.flatMap((port) => port.callers.map((caller) => inboundChain(view, port, caller)));
  return resource(
    ListenerSchema,
    inboundListener,
    create(ListenerSchema, {
      name: inboundListener,
      address: dualStack(inboundCapturePort),
      trafficDirection: TrafficDirection.INBOUND,
      listenerFiltersTimeout: durationOf(firstRecordTimeoutMs),
      listenerFilters: [originalDestination(), tlsInspector()],
      accessLog: [connectionLog(inboundListener)],
      filterChains: chains.length === 0 ? [neverMatches()] : chains,
    }),
  );
}

function inboundChain(view: ProxyView, port: InboundPort, caller: CallerTenant): FilterChain {
  const http = port.protocol !== 'tcp';
  return create(FilterChainSchema, {
    name: inboundChainName(port.port, caller.tenant),
    filterChainMatch: {
      destinationPort: port.port,
      transportProtocol: 'tls',
      serverNames: [sniOf(caller.tenant)],
    },
    transportSocket: http
      ? downstreamTls(tenantTrustSecret(caller.tenant), ['h2', 'http/1.1'])
      : downstreamTls(peersSecret(port.port, caller.tenant), []),
    filters: http
      ? [inboundHttp(inboundName(port.port), port.everyRequest)]
      : [...inboundTcp(port, caller, caller.tenant === view.workload.tenant)],
  });
}

function outboundCatch(): EnvoyResource {
  return resource(
    ListenerSchema,
    outboundListener,
    create(ListenerSchema, {
      name: outboundListener,
      address: dualStack(outboundCapturePort),
      trafficDirection: TrafficDirection.OUTBOUND,
      useOriginalDst: true,
      accessLog: [connectionLog(outboundListener)],
      filterChains: [neverMatches()],
    }),
  );
}

function outboundService(port: OutboundPort, virtualIp: string): EnvoyResource {
  const name = outboundServiceListener(port, virtualIp);
  const filter = port.protocol === 'tcp' ? outboundTcp(serviceCluster(port)) : outboundHttp(outboundRoute(port));
  return resource(
    ListenerSchema,
    name,
    create(ListenerSchema, {
      name,
      address: tcpAddress(virtualIp, port.port),
      bindToPort: false,
      trafficDirection: TrafficDirection.OUTBOUND,
      accessLog: [connectionLog(name)],
      filterChains: [{ filters: [filter] }],
    }),
  );
}

/** A listener must have a chain; this one asks for an address that no packet carries. */
function neverMatches(): FilterChain {
  return create(FilterChainSchema, {
    name: 'never',
    filterChainMatch: {
      prefixRanges: [{ addressPrefix: '255.255.255.255', prefixLen: 32 }],
      destinationPort: 1,
    },
    filters: [outboundTcp('never')],
  });
}

function originalDestination(): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: 'envoy.filters.listener.original_dst',
    configType: { case: 'typedConfig', value: pack(OriginalDstSchema, create(OriginalDstSchema)) },
  });
}

function tlsInspector(): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: 'envoy.filters.listener.tls_inspector',
    configType: { case: 'typedConfig', value: pack(TlsInspectorSchema, create(TlsInspectorSchema)) },
  });
}
