/**
 * The smallest sidecar that interception can lead to, in plaintext, as a static bootstrap: one declared inbound port, one
 * service that may be called. What the mesh builds is tested elsewhere; here it is the road that counts.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { proxyMark } from '../../src/envoy/redirect.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { inboundCapturePort, outboundCapturePort } from '../../src/model/ports.ts';

export interface StaticSidecar {
  readonly name: string;
  /** Inbound: handed to the application on loopback. */
  readonly declaredPort: number;
  /** Outbound: virtual addresses, and the endpoint behind them. */
  readonly service: { readonly addresses: readonly string[]; readonly port: number };
  readonly endpoint: { readonly address: string; readonly port: number };
}

/** @returns the path of the bootstrap. */
export function writeStaticSidecar(lab: Lab, sidecar: StaticSidecar): string {
  const { name, declaredPort, service, endpoint } = sidecar;
  const path = join(lab.privateDir, `${name}.json`);
  const catchAll = { address: '::', ipv4_compat: true };
  const bootstrap = {
    node: { id: name, cluster: 'test' },
    admin: { address: { pipe: { path: join(lab.privateDir, `${name}.admin.sock`), mode: 0o600 } } },
    static_resources: {
      listeners: [
        {
          name: 'inbound',
          address: { socket_address: { ...catchAll, port_value: inboundCapturePort } },
          listener_filters: [
            {
              name: 'original_dst',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst',
              },
            },
          ],
          filter_chains: [
            { filter_chain_match: { destination_port: declaredPort }, filters: [tcpProxy('inbound', 'app')] },
          ],
        },
        {
          name: 'outbound',
          address: { socket_address: { ...catchAll, port_value: outboundCapturePort } },
          use_original_dst: true,
          filter_chains: [
            {
              filter_chain_match: {
                prefix_ranges: [{ address_prefix: '255.255.255.255', prefix_len: 32 }],
                destination_port: 1,
              },
              filters: [tcpProxy('never', 'app')],
            },
          ],
        },
        ...service.addresses.map((address) => ({
          name: `service ${address}`,
          bind_to_port: false,
          address: { socket_address: { address, port_value: service.port } },
          filter_chains: [{ filters: [tcpProxy('outbound', 'service')] }],
        })),
      ],
      clusters: [cluster('app', '127.0.0.1', declaredPort), cluster('service', endpoint.address, endpoint.port)],
    },
  };
  writeFileSync(path, JSON.stringify(bootstrap));
  return path;
}

function tcpProxy(statPrefix: string, to: string): object {
  return {
    name: 'tcp_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      stat_prefix: statPrefix,
      cluster: to,
    },
  };
}

function cluster(name: string, address: string, port: number): object {
  const endpoint = { address: { socket_address: { address, port_value: port } } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
    // Level 1 is SOL_SOCKET, name 36 SO_MARK.
    upstream_bind_config: {
      socket_options: [{ level: 1, name: 36, int_value: proxyMark, state: 'STATE_PREBIND' }],
    },
  };
}
