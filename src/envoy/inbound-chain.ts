/**
 * One declared port, as one caller tenant may use it: TLS with that tenant's anchor, then the rules, then the application.
 *
 * Chains match TLS only. What matches no chain (plaintext, an unknown SNI, an undeclared port) Envoy closes without a byte.
 */
import { create } from '@bufbuild/protobuf';
import { type FilterChain, FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import type { CallerTenant } from '../policy/view.ts';
import { inboundHttp } from './http-connection-manager.ts';
import { inboundChainName, inboundName, peersSecret, sniOf, tenantTrustSecret } from './names.ts';
import type { Door, Station } from './proxy-parts.ts';
import { inboundTcp } from './tcp-proxy.ts';
import { downstreamTls } from './tls.ts';
import { tracingOf } from './tracing.ts';

/** How long a connection may stay silent before its first TLS record, in ms; then it is closed without an answer. */
export const firstRecordTimeoutMs = 1_000;

export function inboundChains(view: Station, port: Door): FilterChain[] {
  return port.callers.map((caller) => inboundChain(view, port, caller));
}

function inboundChain(view: Station, port: Door, caller: CallerTenant): FilterChain {
  const http = port.protocol !== 'tcp';
  const { samplePercent } = view.observation;
  return create(FilterChainSchema, {
    name: inboundChainName(port.port, caller),
    filterChainMatch: {
      destinationPort: port.port,
      transportProtocol: 'tls',
      serverNames: [sniOf(caller.tenant)],
    },
    transportSocket: http
      ? downstreamTls(tenantTrustSecret(caller.tenant), ['h2', 'http/1.1'])
      : downstreamTls(peersSecret(port.port, caller.tenant), []),
    filters: http
      ? [inboundHttp(inboundName(port.port), { authz: port.everyRequest, samplePercent, tracing: tracingOf(view) })]
      : [...inboundTcp(port, caller, caller.tenant === view.workload.tenant)],
  });
}
