/** A syslog receiver over TLS on loopback: counts octets as RFC 5425 says, and is as rude as a test wants. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { Authority } from '../../src/identity/authority.ts';
import { serverLeaf } from '../grpc/authority.ts';

export interface TlsReceiver {
  readonly port: number;
  /** Messages of all connections, whole ones only. */
  readonly messages: string[];
  connections: number;
}

export async function tlsReceiver(
  authority: Authority,
  options: TlsOptions = {},
  behave: (socket: TLSSocket, receive: () => void) => void = (_, receive) => receive(),
): Promise<TlsReceiver> {
  const { certificateChainPem, privateKeyPem } = serverLeaf(authority);
  const received: TlsReceiver & { port: number } = { port: 0, messages: [], connections: 0 };
  const server = createServer({ cert: certificateChainPem, key: privateKeyPem.reveal(), ...options }, (socket) => {
    received.connections += 1;
    socket.on('error', () => undefined);
    behave(socket, () => {
      let bytes = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        const { messages, rest } = unframe(Buffer.concat([bytes, chunk]));
        received.messages.push(...messages);
        bytes = rest;
      });
    });
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  received.port = (server.address() as AddressInfo).port;
  return received;
}

/** @throws where a frame does not begin with its length. */
export function unframe(bytes: Buffer): { readonly messages: string[]; readonly rest: Buffer<ArrayBuffer> } {
  const messages: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    if (space === -1) break;
    const length = bytes.toString('latin1', at, space);
    if (!/^[1-9]\d*$/.test(length)) throw new Error(`a frame begins with ${JSON.stringify(length)}`);
    const end = space + 1 + Number(length);
    if (end > bytes.length) break;
    messages.push(bytes.toString('utf8', space + 1, end));
    at = end;
  }
  return { messages, rest: Buffer.from(bytes.subarray(at)) };
}
