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
import { toLoopback } from '../loopback-plan.ts';
import type { Watched } from './demo-context.ts';

export const permissive = { key: 'outsider/permissive', address: '10.99.9.2', port: 8080 } as const;

/** Where its application listens on loopback, by the plan. */
const loopbackApp = '10.99.73.2';

export async function startPermissivePod(lab: Lab): Promise<Watched> {
  const { key, address, port } = permissive;
  const onLoopback = lab.mode === 'loopback';
  const own = onLoopback ? toLoopback(address, lab.host.ipv4) : address;
  const appAddress = onLoopback ? toLoopback(loopbackApp, lab.host.ipv4) : '127.0.0.1';
  await lab.addPod({ key, addresses: [own], intercepted: true, dnsResolvers: [], hosts: new Map() });
  const app = await startApp(lab, key, { listen: [`http:${port}`], ...(onLoopback ? { host: appAddress } : {}) });
  const sockets = onLoopback
    ? [socketAddress(own, port)]
    : [inboundCapturePort, outboundCapturePort].map((capture) => socketAddress('0.0.0.0', capture));
  const bootstrapPath = join(lab.privateDir, 'permissive.json');
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap(join(lab.privateDir, 'permissive.sock'), sockets, appAddress)));
  const envoy = await startEnvoy(lab, key, { bootstrapPath });
  await envoy.waitLive();
  return { key, app, appAddress, port };
}

function bootstrap(adminSocket: string, sockets: readonly SocketAddress[], appAddress: string) {
  return {
    admin: { address: { pipe: { path: adminSocket, mode: 0o600 } } },
    static_resources: {
      listeners: sockets.map(listener),
      clusters: [
        {
          name: 'app',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'app',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(appAddress, permissive.port) } }] }],
          },
        },
      ],
    },
  };
}

type SocketAddress = ReturnType<typeof socketAddress>;

function listener(address: SocketAddress, index: number) {
  const name = `listener-${index}`;
  const tcpProxy = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: name,
    cluster: 'app',
  };
  return {
    name,
    address,
    filter_chains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typed_config: tcpProxy }] }],
  };
}

function socketAddress(address: string, port: number) {
  return { socket_address: { address, port_value: port } };
}
