/**
 * Where a kubelet asks whether the process lives and is ready: over plain HTTP, because it speaks nothing else to a process that has
 * no certificate yet, and it hears nothing but yes or no.
 *
 *   GET /live   the event loop turns
 *   GET /ready  it serves
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { SocketEndpoint } from '../config.ts';

/** Connections at a time: a kubelet has one a question. */
const connectionsMax = 32;
/** Longest a question may take to arrive, in ms. */
const arrivalMaxMs = 2_000;

export interface HealthDoor {
  readonly port: number;
  close(): Promise<void>;
}

/** Rejects where the address cannot be taken. */
export async function openHealthDoor(at: SocketEndpoint, isReady: () => boolean): Promise<HealthDoor> {
  const server = createServer({
    requestTimeout: arrivalMaxMs,
    headersTimeout: arrivalMaxMs,
    connectionsCheckingInterval: arrivalMaxMs,
  });
  server.maxConnections = connectionsMax;
  server.on('request', ({ method, url }, response) => {
    response.writeHead(statusOf(`${method} ${url}`, isReady), { connection: 'close', 'content-length': 0 }).end();
  });
  server.listen(at.port, at.address);
  await once(server, 'listening');
  return {
    port: portOf(server),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function statusOf(question: string, isReady: () => boolean): number {
  if (question === 'GET /live') return 200;
  if (question === 'GET /ready') return isReady() ? 200 : 503;
  return 404;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
