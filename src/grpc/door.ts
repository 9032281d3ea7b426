/**
 * Where a server of ours listens, and with which certificate: the part that all servers have, whoever speaks HTTP/2 behind it.
 *
 *   openDoor ──bind──▶ address, or advice ──▶ take(socket), again and again ──rotate──▶ the next ones see another certificate
 *
 * Addresses are `host:port` or `unix:/path`; TLS is spoken on both. What goes wrong at the start is a value with advice.
 */
import type { TLSSocket } from 'node:tls';
import { type BindProblem, bindProblem } from './bind-problem.ts';
import { type HandshakeLimits, handshakeLimits } from './limits.ts';
import { listenOptionsOf } from './listen-options.ts';
import { prepareSocket } from './prepare-socket.ts';
import { TlsListener } from './tls-listener.ts';
import { judgeTlsMaterial, type TlsMaterial } from './tls-material.ts';

export interface DoorOptions {
  /** `host:port`, port 0 for any, or `unix:/path`. */
  readonly address: string;
  readonly tls: TlsMaterial;
  /** False: a client without a good certificate gets through as nobody, and must show a token. */
  readonly requireClientCertificate: boolean;
  readonly handshakeLimits?: HandshakeLimits;
}

export type BindResult =
  /** `address` with the real port. */
  { readonly kind: 'bound'; readonly address: string; readonly port: number } | BindProblem;

export type RotationResult =
  | { readonly kind: 'rotated' }
  /** The old certificate stays in use. */
  | { readonly kind: 'refused'; readonly message: string };

export interface Door {
  bind(): Promise<BindResult>;
  rotate(tls: TlsMaterial): RotationResult;
  /** Lets nobody in any more. Resolves once everybody who was let in has left. */
  close(): Promise<void>;
}

/** @param take owns what it is given. @throws where the certificate and key do not fit: the caller made or read them just now. */
export function openDoor(options: DoorOptions, take: (socket: TLSSocket) => void): Door {
  const material = judgeTlsMaterial(options.tls);
  if (material.kind === 'unusable') throw new Error(material.message);
  const listener = new TlsListener(
    material.context,
    { requested: options.tls.clientCaPem !== undefined, required: options.requireClientCertificate },
    options.handshakeLimits ?? handshakeLimits,
    take,
  );
  return {
    async bind() {
      if ((await prepareSocket(options.address)) === 'no-such-folder') return bindProblem(options.address, 'ENOENT');
      const where = listenOptionsOf(options.address);
      if (where === undefined) return bindProblem(options.address, 'not an address');
      try {
        const port = await listener.listen(where);
        return { kind: 'bound', address: options.address.replace(/:0$/, `:${port}`), port };
      } catch (error) {
        return bindProblem(options.address, error instanceof Error ? error.message : String(error));
      }
    },

    rotate(tls) {
      const next = judgeTlsMaterial(tls);
      if (next.kind === 'unusable') return { kind: 'refused', message: next.message };
      listener.rotate(next.context);
      return { kind: 'rotated' };
    },

    close: () => listener.close(),
  };
}
