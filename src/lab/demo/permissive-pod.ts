/**
 * A pod that is wrong on purpose: the same interception, a real Envoy, and a listener that lets plaintext in.
 * If the attacks of the demo could not harm it, they could not harm anybody, and their failure elsewhere would say nothing.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inboundCapturePort, outboundCapturePort } from '../../model/ports.ts';
import { startApp } from '../app-process.ts';
import { startEnvoy } from '../envoy-process.ts';
import type { Lab } from '../lab.ts';
import type { Watched } from './demo-context.ts';

export const permissive = { key: 'outsider/permissive', address: '10.99.9.2', port: 8080 } as const;

export async function startPermissivePod(lab: Lab): Promise<Watched> {
  const { key, address, port } = permissive;
  await lab.addPod({ key, addresses: [address], intercepted: true, dnsResolvers: [], hosts: new Map() });
  const app = await startApp(lab, key, { listen: [`http:${port}`] });
  const bootstrapPath = join(lab.privateDir, 'permissive.json');
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap(join(lab.privateDir, 'permissive.sock'), port)));
  const envoy = await startEnvoy(lab, key, { bootstrapPath });
  await envoy.waitLive();
  return { key, app, port };
}

function bootstrap(adminSocket: string, port: number) {
  return {
    admin: { address: { pipe: { path: adminSocket, mode: 0o600 } } },
    static_resources: {
      listeners: [listener('inbound', inboundCapturePort), listener('outbound', outboundCapturePort)],
      clusters: [
        {
          name: 'app',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'app',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress('127.0.0.1', port) } }] }],
          },
        },
      ],
    },
  };
}

function listener(name: string, port: number) {
  const tcpProxy = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: name,
    cluster: 'app',
  };
  return {
    name,
    address: socketAddress('0.0.0.0', port),
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: tcpProxy }] }],
  };
}

function socketAddress(address: string, port: number) {
  return { socket_address: { address, port_value: port } };
}
