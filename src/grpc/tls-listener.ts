/**
 * The door before gRPC: it accepts connections, lets a bounded number of TLS handshakes go on at once, and hands over who
 * has finished one.
 *
 *   accept ──▶ HandshakeGate ──its turn──▶ TLS 1.3 ──h2 agreed──▶ take(socket)         anything else: the connection ends
 *
 * Open connections keep the certificate they began with; the next handshake after a rotation sees the new one.
 * Behind a Unix socket are only those whom its folder lets in: they stand in no line.
 */
import { createServer as createTcpServer, type ListenOptions, type Socket, type Server as TcpServer } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { type HandshakeCounts, HandshakeGate } from './handshake-gate.ts';
import { acceptBacklog, clientHelloBytesMax, type HandshakeLimits, handshakeTimeoutMs } from './limits.ts';

export interface ClientCertificates {
  /** Ask the client for a certificate. */
  readonly requested: boolean;
  /** Refuse the handshake without a good one; otherwise such a client is nobody, and the caller must ask for a token. */
  readonly required: boolean;
}

export class TlsListener {
  readonly #tcp: TcpServer;
  readonly #tls: TlsServer;
  readonly #gate: HandshakeGate<Socket>;
  /** Those whose handshake goes on, by where they come from. */
  readonly #underway = new Map<string, Socket>();
  /** Those that were handed over and are open. */
  readonly #inside = new Set<TLSSocket>();

  /** @param take is given whoever speaks HTTP/2 over TLS, and owns the socket from then on. */
  constructor(
    context: SecureContextOptions,
    { requested, required }: ClientCertificates,
    limits: HandshakeLimits,
    take: (socket: TLSSocket) => void,
  ) {
    this.#gate = new HandshakeGate(
      {
        begin: (socket) => this.#shakeHands(socket),
        cut: (socket) => socket.destroy(),
        setTimer(afterMs, then) {
          const timer = setTimeout(then, afterMs);
          return () => clearTimeout(timer);
        },
      },
      limits,
    );
    this.#tls = createTlsServer({
      ...context,
      requestCert: requested,
      rejectUnauthorized: required,
      handshakeTimeout: handshakeTimeoutMs,
      // Not a list: of a list Node copies those three bytes for each socket into a slab of 64 kB, and they keep it alive.
      ALPNCallback: ({ protocols }) => (protocols.includes('h2') ? 'h2' : undefined),
    });
    this.#tls.on('secureConnection', (secured) => {
      const socket = this.#underway.get(placeOf(secured));
      if (socket !== undefined) this.#gate.left(socket);
      // Between here and its HTTP/2 session nobody else listens.
      secured.on('error', () => secured.destroy());
      if (secured.alpnProtocol === 'h2') this.#handOver(secured, take);
      else secured.destroy();
    });
    // Of who has not spoken nothing is read ahead beyond the first piece.
    this.#tcp = createTcpServer({ noDelay: true, highWaterMark: 1 }, (socket) => this.#accept(socket));
  }

  /** Rejects with the system's error. @returns the port, 0 of a Unix socket. */
  listen(where: ListenOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#tcp.once('error', reject);
      this.#tcp.listen({ ...where, backlog: acceptBacklog }, () => {
        this.#tcp.off('error', reject);
        const bound = this.#tcp.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
      });
    });
  }

  rotate(context: SecureContextOptions): void {
    this.#tls.setSecureContext(context);
  }

  counts(): HandshakeCounts {
    return this.#gate.counts();
  }

  /**
   * Accepts nobody any more, and cuts who has not finished. Resolves once everybody whom it handed over has left; that they
   * do is the business of who took them.
   */
  async close(): Promise<void> {
    this.#tcp.close();
    this.#gate.close();
    await Promise.all([...this.#inside].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  }

  #handOver(socket: TLSSocket, take: (socket: TLSSocket) => void): void {
    this.#inside.add(socket);
    socket.once('close', () => this.#inside.delete(socket));
    take(socket);
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (socket.remotePort === undefined) {
      this.#tls.emit('connection', socket);
      return;
    }
    const place = placeOf(socket);
    socket.once('close', () => {
      if (this.#underway.get(place) === socket) this.#underway.delete(place);
      this.#gate.left(socket);
    });
    this.#gate.arrived(socket);
    socket.once('readable', () => {
      // Nothing is there where the client has left again, and more than a ClientHello is none.
      const { readableLength } = socket;
      if (readableLength === 0 || readableLength > clientHelloBytesMax) socket.destroy();
      else this.#gate.spoke(socket);
    });
  }

  #shakeHands(socket: Socket): void {
    this.#underway.set(placeOf(socket), socket);
    this.#tls.emit('connection', socket);
  }
}

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`;
}
