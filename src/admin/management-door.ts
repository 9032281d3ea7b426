/**
 * The management door: the few methods by which people ask a running control plane.
 *
 *   Unix socket in the state folder ──▶ owner                        POST /v1/<method>, JSON in, JSON out
 *   mTLS port ──certificate of the people's CA──▶ person, role, scope      GET /metrics…, text out: metrics.ts
 *
 * HTTP/1.1 on both, so that curl and we speak the same. On the port TLS 1.3 and a client certificate are the
 * handshake's business; nothing is trusted for the address it comes from, loopback least of all. A certificate that a
 * browser holds is presented for whatever page asks for it, so what a page can send is refused: see `fromPage`.
 * The surprise: the socket's peers are judged by the file's mode alone (0600, in a folder of 0700). Node does not expose
 * SO_PEERCRED; root, and any process of the control plane's own user, passes, as it could read the CA's keys anyway.
 */

import { constants } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { ListenOptions } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { removeDeadSocket } from '../grpc/dead-socket.ts';
import { answer, type ManagementPorts } from './answer.ts';
import { aboutOf, type DoorCall } from './door-call.ts';
import { type Caller, mayCall, methodNamed, methods } from './methods.ts';
import { createScrapeAnswers, type ScrapePorts } from './metrics.ts';
import { metricsReply } from './metrics-reply.ts';
import { ownerName, parsePerson } from './person.ts';
import { fromPage, internalError, json, noPerson, pageRefused, problem, type Reply } from './reply.ts';

/** Largest request body, in bytes: the longest is a question with one path. */
const bodyBytesMax = 65_536;
/** Largest body of alerts, in bytes: a group of a thousand, with annotations. */
const alertBytesMax = 4 * 1_024 * 1_024;
/** Connections of one door at a time. Each is a person or a script; a quarter may follow the events: see kept-signal.ts. */
const connectionsMax = 256;
/** Longest a request may take to arrive, and an idle connection may stay, in ms. */
const requestMs = 10_000;
const idleMs = 5_000;

export interface DoorTls {
  readonly certificateChainPem: string;
  readonly privateKeyPem: { reveal(): string };
}

export interface ManagementDoor {
  /** @returns the address it took. @throws DoorRefused where it cannot be taken. */
  listenOnSocket(path: string): Promise<string>;
  listenOnTls(
    at: { readonly address: string; readonly port: number },
    tls: DoorTls,
    anchorPem: string,
  ): Promise<string>;
  /** The next handshake sees the new certificate. */
  rotate(tls: DoorTls, anchorPem: string): void;
  close(): Promise<void>;
}

/** Why a door could not open, and what to do. */
export class DoorRefused extends Error {}

export interface DoorEvent {
  readonly caller: string;
  readonly method: string;
  readonly status: number;
}

/**
 * @param observe told of every call but routine ones, before it is answered. Must not throw.
 * @param called told of the same calls, with who called and about what: evidence. The answer waits for it. Must not reject.
 */
export function createManagementDoor(
  ports: ManagementPorts & ScrapePorts,
  trustDomain: () => string | undefined,
  observe: (event: DoorEvent) => void,
  called: (call: DoorCall) => Promise<void> | undefined = () => undefined,
): ManagementDoor {
  let context: SecureContext | undefined;
  const servers: Server[] = [];
  const scrape = createScrapeAnswers(ports);
  const serve =
    (callerOf: (request: IncomingMessage) => Caller | undefined) =>
    (request: IncomingMessage, response: ServerResponse) => {
      const caller = callerOf(request);
      const replying =
        request.method === 'GET' ? metricsReply(scrape, request, caller) : handle(ports, request, caller);
      replying
        .catch(() => internalError)
        .then(async ({ status, contentType, body, method, about = '', routine }) => {
          if (routine === undefined) {
            observe({ caller: nameOf(caller), method, status });
            await called({ caller, method, about, status });
          }
          response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
          response.end(body);
        });
    };
  const open = async (server: Server, options: ListenOptions, shown: string): Promise<void> => {
    server.maxConnections = connectionsMax;
    server.headersTimeout = requestMs;
    server.requestTimeout = requestMs;
    server.keepAliveTimeout = idleMs;
    servers.push(server);
    await listen(server, options, shown);
  };

  return {
    async listenOnSocket(path) {
      await removeDeadSocket(path);
      const server = createHttpServer(serve(() => ({ kind: 'owner' })));
      await open(server, { path }, path);
      await chmod(path, 0o600); // its folder is 0700: nobody else came in between
      return path;
    },

    async listenOnTls({ address, port }, tls, anchorPem) {
      context = contextOf(tls, anchorPem);
      const server = createHttpsServer(
        {
          // The default context knows no partial chain, so whoever names no server is refused in the handshake.
          ...contextOptions(tls, anchorPem),
          SNICallback: (_, give) => give(null, context),
          requestCert: true,
          rejectUnauthorized: true,
          handshakeTimeout: requestMs,
        },
        serve((request) => personOf(request, trustDomain(), ports.nowMs())),
      );
      await open(server, { host: address, port }, `${address}:${port}`);
      const bound = server.address();
      return typeof bound === 'object' && bound !== null ? `${address}:${bound.port}` : `${address}:${port}`;
    },

    rotate(tls, anchorPem) {
      if (context !== undefined) context = contextOf(tls, anchorPem);
    },

    async close() {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((closed) => {
              server.close(() => closed());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

/**
 * The anchor is an intermediate, and deliberately not the root: see people-authority.ts. A server of Node passes
 * `allowPartialTrustChain` on to no context of its own making, so this one is made here and given for each handshake.
 */
function contextOf(tls: DoorTls, anchorPem: string): SecureContext {
  return createSecureContext({ ...contextOptions(tls, anchorPem), allowPartialTrustChain: true });
}

function contextOptions({ certificateChainPem, privateKeyPem }: DoorTls, anchorPem: string) {
  return {
    cert: certificateChainPem,
    key: privateKeyPem.reveal(),
    ca: anchorPem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // A resumed session would skip the check of the certificate's end.
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as const;
}

const statusOf = {
  'bad-request': 400,
  'not-found': 404,
  conflict: 409,
  refused: 422,
  'not-ready': 503,
  store: 503,
} as const;

async function handle(ports: ManagementPorts, request: IncomingMessage, caller: Caller | undefined): Promise<Reply> {
  if (caller === undefined) return noPerson;
  if (fromPage(request.headers)) return pageRefused;
  if (!isJson(request)) return noJson;
  const method = methodNamed(/^\/v1\/([A-Za-z]+)$/.exec(request.url ?? '')?.[1] ?? '');
  if (method === undefined || request.method !== 'POST') {
    return problem(
      404,
      'no-method',
      'there is no such method',
      `POST to one of ${Object.keys(methods).join(', ')}, as \`/v1/status\``,
    );
  }
  const access = mayCall(caller, method);
  if (access.kind === 'refused') return problem(403, 'role', access.message, access.advice, method);
  const bytesMax = method === 'alerts' ? alertBytesMax : bodyBytesMax;
  const body = await readJson(request, bytesMax);
  if (body === undefined)
    return problem(400, 'bad-request', 'the body is no JSON, or too long', `send at most ${bytesMax} bytes`, method);
  const told = await answer(ports, method, caller, access.scope, body.value);
  const about = aboutOf(body.value);
  if (told.kind === 'ok') return { ...json(200, told.value, method), about };
  return { ...problem(statusOf[told.kind], told.kind, told.message, told.advice, method), about };
}

/** A form in a page cannot have this content type, and a script can only after a preflight, which nobody here answers. */
function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/json *(?:;|$)/i.test(headers['content-type'] ?? '');
}

const noJson = problem(415, 'content-type', 'the content type is not `application/json`', 'send that header');

/** Asked anew with every request: a connection outlives neither its certificate nor the working day. */
function personOf({ socket }: IncomingMessage, trustDomain: string | undefined, nowMs: number): Caller | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subjectaltname = '', valid_to } = socket.getPeerCertificate();
  if (!(nowMs < Date.parse(valid_to))) return undefined;
  // Exactly one name: what stands beside a comma or a quote is nobody.
  const person = parsePerson(/^URI:([^,"\s]+)$/.exec(subjectaltname)?.[1] ?? '');
  return person?.trustDomain === trustDomain && person !== undefined ? { kind: 'person', person } : undefined;
}

function nameOf(caller: Caller | undefined): string {
  if (caller === undefined) return 'nobody';
  return caller.kind === 'owner' ? ownerName : `${caller.person.role} ${caller.person.name}`;
}

/** @returns undefined where the body is too long or no JSON; an empty one is `{}`. */
async function readJson(request: IncomingMessage, bytesMax: number): Promise<{ readonly value: unknown } | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  try {
    return { value: bytes === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return undefined;
  }
}

function listen(server: Server, options: ListenOptions, shown: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) =>
      reject(
        new DoorRefused(`the management door cannot listen on \`${shown}\` (${error.code}); ${adviceFor(error.code)}`),
      );
    server.once('error', failed);
    server.listen(options, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function adviceFor(code: string | undefined): string {
  if (code === 'EADDRINUSE')
    return 'another control plane serves there: stop it, or choose another address or state folder';
  if (code === 'EINVAL') return 'a Unix socket path has at most 107 bytes: choose a shorter state folder';
  return 'choose an address of this machine, or a folder that this user owns';
}
