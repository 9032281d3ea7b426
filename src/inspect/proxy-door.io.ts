/**
 * The control plane's side of a proxy's doors: asks one proxy one question, and believes nobody but that proxy.
 *
 *   read(proxy, path) ──TLS 1.3, both names exact──▶ 15004 or 15005 of the workload ──▶ its admin interface ──▶ text
 *
 * The server is anchored at its tenant's CA and must bear exactly the workload's SPIFFE ID: another workload that answers
 * at a recycled address is nobody. What comes back was said by a process that may be compromised: it is bounded here, and
 * read as data everywhere.
 * Connections are kept for a while; one that was made with an older certificate or anchor of ours is not used again.
 */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import {
  connect as connectTls,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { type buildConnector, Client } from 'undici';
import { inspectionPort, statisticsPort } from '../model/ports.ts';
import {
  answerBytesMax,
  answerMs,
  clientsMax,
  connectMs,
  contextsMax,
  keepAliveMs,
  readsMax,
  waitingReadsMax,
} from './limits.ts';
import { Newest } from './newest.ts';
import { Slots, TooManyWaiting } from './slots.ts';

/** Whom to ask. */
export interface InspectedProxy {
  /** An address of the workload. */
  readonly address: string;
  readonly tenant: string;
  readonly spiffeId: string;
}

export interface ProxyDoorPorts {
  /** The control plane's own certificate; undefined until there is one. */
  credentials(): Credentials | undefined;
  /** The CA certificates of a tenant, PEM; undefined for one that is unknown. */
  anchorsOf(tenant: string): string | undefined;
  /** Default: a TCP connection. */
  dial?(address: string, port: number): Promise<Socket>;
}

export interface Credentials {
  readonly certificateChainPem: string;
  readonly privateKeyPem: { reveal(): string };
}

export type Reading =
  | { readonly kind: 'read'; readonly text: string }
  /** Its door answered, and not with what was asked for. */
  | { readonly kind: 'refused'; readonly status: number }
  /** No connection, no trust, no answer in time, or too long a one. */
  | { readonly kind: 'unreachable'; readonly why: string };

/** What the doors answer, with any query: the last one's at a port of its own. */
export type InspectionPath =
  `/${'config_dump' | 'runtime' | 'stats' | 'clusters' | 'stats/prometheus'}${'' | `?${string}`}`;

interface KeptClient {
  readonly client: Client;
  readonly credentials: Credentials;
  readonly anchors: string;
}

export class ProxyDoor {
  readonly #ports: ProxyDoorPorts;
  readonly #slots = new Slots(readsMax, waitingReadsMax);
  /** The one that was used last stands last. */
  readonly #clients = new Map<string, KeptClient>();
  /** By anchors; all with the same credentials. */
  readonly #contexts = new Newest<SecureContext>(contextsMax);
  #contextsOf: Credentials | undefined;

  constructor(ports: ProxyDoorPorts) {
    this.#ports = ports;
  }

  /** Never throws. */
  async read(proxy: InspectedProxy, path: InspectionPath, signal?: AbortSignal): Promise<Reading> {
    try {
      return await this.#slots.run(() => this.#read(proxy, path, signal));
    } catch (error) {
      if (error instanceof TooManyWaiting) return { kind: 'unreachable', why: `too many questions: ${error.message}` };
      throw error;
    }
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map(({ client }) => client.destroy()));
  }

  async #read(proxy: InspectedProxy, path: InspectionPath, signal: AbortSignal | undefined): Promise<Reading> {
    const credentials = this.#ports.credentials();
    const anchors = this.#ports.anchorsOf(proxy.tenant);
    if (credentials === undefined || anchors === undefined) {
      return { kind: 'unreachable', why: 'there is no certificate to ask with yet' };
    }
    try {
      const { client } = this.#clientFor(proxy, portOf(path), credentials, anchors);
      const { statusCode, body } = await client.request({ method: 'GET', path, ...(signal && { signal }) });
      const text = await body.text();
      return statusCode === 200 ? { kind: 'read', text } : { kind: 'refused', status: statusCode };
    } catch (error) {
      return { kind: 'unreachable', why: whyOf(error) };
    }
  }

  #clientFor(proxy: InspectedProxy, port: number, credentials: Credentials, anchors: string): KeptClient {
    const key = `${proxy.address} ${port} ${proxy.spiffeId}`;
    const known = this.#clients.get(key);
    this.#clients.delete(key);
    const isFresh = known?.credentials === credentials && known.anchors === anchors && !known.client.destroyed;
    if (known !== undefined && !isFresh) letGo(known);
    const kept =
      known !== undefined && isFresh
        ? known
        : { client: this.#connect(proxy, port, credentials, anchors), credentials, anchors };
    this.#clients.set(key, kept);
    const [oldest] = this.#clients;
    if (this.#clients.size > clientsMax && oldest !== undefined) {
      this.#clients.delete(oldest[0]);
      letGo(oldest[1]);
    }
    return kept;
  }

  #connect(proxy: InspectedProxy, port: number, credentials: Credentials, anchors: string): Client {
    const connector: buildConnector.connector = (_, done) => {
      this.#handshake(proxy, port, credentials, anchors).then(
        (socket) => done(null, socket),
        (error: Error) => done(error, null),
      );
    };
    return new Client('https://proxy', {
      connect: connector,
      allowH2: false,
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      maxResponseSize: answerBytesMax,
    });
  }

  /** One for all proxies of a tenant: to read keys and certificates costs more than the handshake does. */
  #contextFor(credentials: Credentials, anchors: string): SecureContext {
    if (this.#contextsOf !== credentials) this.#contexts.clear();
    this.#contextsOf = credentials;
    return this.#contexts.get(anchors, () =>
      createSecureContext({
        cert: credentials.certificateChainPem,
        key: credentials.privateKeyPem.reveal(),
        ca: anchors,
        // The anchor is an intermediate: a tenant's own CA, and not the root, which vouches for every tenant.
        allowPartialTrustChain: true,
        minVersion: 'TLSv1.3',
      }),
    );
  }

  async #handshake(proxy: InspectedProxy, port: number, credentials: Credentials, anchors: string): Promise<TLSSocket> {
    const { dial = async (host: string, at: number) => connectTcp({ host, port: at }) } = this.#ports;
    const socket = connectTls({
      socket: await dial(proxy.address, port),
      secureContext: this.#contextFor(credentials, anchors),
      ALPNProtocols: ['http/1.1'],
      checkServerIdentity: (_host: string, certificate: PeerCertificate) => mistaken(certificate, proxy.spiffeId),
    });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${connectMs} ms`)), connectMs);
    try {
      await once(socket, 'secureConnect');
      return socket;
    } finally {
      clearTimeout(timer);
    }
  }
}

function portOf(path: InspectionPath): number {
  return path.startsWith('/stats/prometheus') ? statisticsPort : inspectionPort;
}

/** Answers under way are read to their end. */
function letGo({ client }: KeptClient): void {
  void client.close();
}

/** @returns why the certificate is not that of the workload: exactly one name, byte by byte. */
function mistaken({ subjectaltname }: PeerCertificate, spiffeId: string): Error | undefined {
  return subjectaltname === `URI:${spiffeId}` ? undefined : new Error(`who answers is not \`${spiffeId}\``);
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.message} (${error.code})` : error.message;
}
