/**
 * Listeners without interception: what the kernel would redirect elsewhere, the sidecar binds itself.
 *
 *   callers ──▶ workload's address : declared port ──tls_inspector──▶ chain of the caller tenant ──▶ application's address
 *   application ──▶ an address for this caller and this service : its port ──▶ service
 *
 * Everything behind a listener is the same as under interception. An address that nothing is bound to refuses, so
 * undeclared ports and services that may not be called need no rule. Every socket is exclusive (no reuse of the port):
 * a second process that could share it would be given a part of the connections.
 */
import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Capture } from '../model/snapshot.ts';
import { connectionLog } from './access-log.ts';
import { tcpAddress } from './address.ts';
import { inboundConnections } from './evidence-log.ts';
import { firstRecordTimeoutMs, inboundChains } from './inbound-chain.ts';
import { boundInboundListener } from './names.ts';
import { isOpen, type Station } from './proxy-parts.ts';
import { durationOf, type EnvoyResource, resource } from './resource.ts';
import { tlsInspector } from './tls.ts';

/** One listener for each declared port at each address of the workload. */
export function boundInbound(view: Station): readonly EnvoyResource[] {
  return view.inbound.filter(isOpen).flatMap((port) =>
    view.workload.addresses.map((address) => {
      const name = boundInboundListener(port.port, address);
      return resource(
        ListenerSchema,
        name,
        create(ListenerSchema, {
          name,
          ...boundSocket(address, port.port),
          trafficDirection: TrafficDirection.INBOUND,
          listenerFiltersTimeout: durationOf(firstRecordTimeoutMs),
          listenerFilters: [tlsInspector()],
          accessLog: [connectionLog(name), inboundConnections()],
          filterChains: inboundChains(view, port),
        }),
      );
    }),
  );
}

/** Where an application dials: bound, or only a name for what the catching listener was handed. */
export function outboundSocket(capture: Capture, address: string, port: number) {
  return capture === 'explicit'
    ? boundSocket(address, port)
    : { address: tcpAddress(address, port), bindToPort: false };
}

function boundSocket(address: string, port: number) {
  return { address: tcpAddress(address, port), enableReusePort: false };
}
