/**
 * One real TLS 1.3 handshake on loopback, both sides Node (OpenSSL): does a peer with this anchor take this certificate?
 * The certificate is shown by the server, since only a client hears the verifier's own words.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';

export interface Side {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
}

export type HandshakeResult =
  | { readonly kind: 'accepted'; readonly alternativeName: string }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * @param trustedPem the only anchor, whether root or intermediate.
 * @param serverName the DNS name to demand; absent: any name, as a mesh peer judges the URI by itself.
 */
export async function present(shown: Side, trustedPem: string, serverName?: string): Promise<HandshakeResult> {
  const listener = createServer({ key: shown.privateKeyPem, cert: shown.certificateChainPem, minVersion: 'TLSv1.3' });
  listener.on('tlsClientError', () => undefined); // the refusal's alert; the client's word counts
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: trustedPem,
    allowPartialTrustChain: true,
    ...(serverName === undefined ? { checkServerIdentity: () => undefined } : { servername: serverName }),
  });
  try {
    return await new Promise<HandshakeResult>((resolve) => {
      socket.once('secureConnect', () =>
        resolve({ kind: 'accepted', alternativeName: socket.getPeerCertificate().subjectaltname ?? '' }),
      );
      socket.once('error', (error) => resolve({ kind: 'refused', reason: error.message }));
    });
  } finally {
    socket.destroy();
    listener.close();
  }
}
