/** A collector over HTTP on loopback: keeps what it takes, and answers as a test wants. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface HttpReceiver {
  readonly port: number;
  readonly requests: { readonly headers: IncomingMessage['headers']; readonly body: string }[];
}

export type Answer = (response: ServerResponse, body: string) => void;

/** @param tls plaintext where it is absent. */
export async function httpReceiver(answer: Answer, tls?: ServerOptions): Promise<HttpReceiver> {
  const requests: { headers: IncomingMessage['headers']; body: string }[] = [];
  const serve: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    requests.push({ headers: request.headers, body });
    answer(response, body);
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}
