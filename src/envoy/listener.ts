/**
 * Listeners: one that catches all inbound, one that catches all outbound, and one per service address that may be dialled.
 *
 *   inbound   15006 ──original_dst, tls_inspector──▶ chain (declared port) x (caller tenant, from SNI) ──▶ application
 *   outbound  15001 ──original_dst──▶ the listener of the dialled address; none, and the connection is closed
 *
 * A grant adds or removes one chain and leaves the connections of every other chain alone. Under explicit capture the
 * two that catch are replaced (see `explicit-listener.ts`).
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
import { inboundCapturePort, outboundCapturePort } from '../model/ports.ts';
import { connectionLog } from './access-log.ts';
import { dualStack } from './address.ts';
import { inboundConnections, outboundConnections } from './evidence-log.ts';
import { boundInbound, outboundSocket } from './explicit-listener.ts';
import { outboundHttp } from './http-connection-manager.ts';
import { firstRecordTimeoutMs, inboundChains } from './inbound-chain.ts';
import {
  inboundListener,
  outboundListener,
  outboundRoute,
  outboundServiceListener,
  serviceCluster,
  wayChainName,
} from './names.ts';
import type { Caller, Fixture, Station, Way } from './proxy-parts.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';
import { outboundTcp, outboundTcpEdge } from './tcp-proxy.ts';
import { tlsInspector } from './tls.ts';
import { tracingOf } from './tracing.ts';

/** Where callers come in. */
export function stationListeners(station: Station): readonly EnvoyResource[] {
  return station.workload.capture === 'explicit' ? boundInbound(station) : [inbound(station)];
}

/** The same for every proxy under interception. */
export function catchingListeners({ workload }: Pick<Fixture, 'workload'>): readonly EnvoyResource[] {
  return workload.capture === 'explicit' ? [] : [outboundCatch()];
}

/** One for each address where the way is dialled. */
export function wayListeners(caller: Caller, way: Way): readonly EnvoyResource[] {
  return way.virtualIps.map((address) => outboundService(caller, way, address));
}

function inbound(station: Station): EnvoyResource {
  const chains = station.inbound.flatMap((port) => inboundChains(station, port));
  return resource(
    ListenerSchema,
    inboundListener,
    create(ListenerSchema, {
      name: inboundListener,
      address: dualStack(inboundCapturePort),
      trafficDirection: TrafficDirection.INBOUND,
      listenerFiltersTimeout: durationOf(firstRecordTimeoutMs),
      listenerFilters: [...listenerFilters],
      accessLog: [...inboundLogs],
      filterChains: chains.length === 0 ? [neverMatches()] : chains,
    }),
  );
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
      accessLog: [connectionLog(outboundListener), outboundConnections()],
      filterChains: [neverMatches()],
    }),
  );
}

function outboundService(caller: Caller, port: Way, address: string): EnvoyResource {
  const name = outboundServiceListener(port, address);
  const cluster = serviceCluster(port);
  const filter =
    port.protocol === 'tcp' ? outboundTcpEdge(cluster) : outboundHttp(outboundRoute(port), cluster, tracingOf(caller));
  return resource(
    ListenerSchema,
    name,
    create(ListenerSchema, {
      name,
      ...outboundSocket(caller.workload.capture, address, port.port),
      trafficDirection: TrafficDirection.OUTBOUND,
      accessLog: [connectionLog(name)],
      filterChains: [{ name: wayChainName(port), filters: [filter] }],
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

const originalDestination: ListenerFilter = create(ListenerFilterSchema, {
  name: 'envoy.filters.listener.original_dst',
  configType: { case: 'typedConfig', value: pack(OriginalDstSchema, create(OriginalDstSchema)) },
});

// The same at every inbound listener, and so made once.
const listenerFilters = [originalDestination, tlsInspector()];
const inboundLogs = [connectionLog(inboundListener), inboundConnections()];
