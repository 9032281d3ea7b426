/**
 * Plays kube-proxy for the API server: what it dials by a service's address comes to one of the processes that stand behind it.
 *
 *   API server ──CONNECT 10.96.0.7:443──▶ here ──▶ 127.0.0.1:port, in turn
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Cluster } from '../harness/cluster.ts';
import { servicesSocket } from '../harness/start-kube.ts';

export interface PlayedServices {
  /** Ports of loopback behind the webhook of the control plane's Service; none: nobody is there. */
  behind: readonly number[];
  /** Whether what is dialled is taken, and then nothing comes: a network that swallows. */
  isSilent: boolean;
  connections(): number;
  /** Cuts whatever is connected. */
  cut(): void;
  close(): Promise<void>;
}

export async function playServices(cluster: Cluster): Promise<PlayedServices> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer().on('connect', (_request, client) => {
    keep(client as Socket);
    const port = played.behind[turn++ % Math.max(1, played.behind.length)];
    if (port === undefined) {
      client.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      return;
    }
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    if (played.isSilent) return;
    const upstream = keep(connect({ host: '127.0.0.1', port }));
    pipeline(client, upstream, () => upstream.destroy());
    pipeline(upstream, client, () => client.destroy());
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const played: PlayedServices = {
    behind: [],
    isSilent: false,
    connections: () => sockets.size,
    cut,
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
  server.listen(servicesSocket(cluster));
  await once(server, 'listening');
  return played;
}
