/**
 * The webhooks behind HTTPS: what stands between an API server and a judge.
 *
 *   connection ──▶ handshake with a client certificate ──▶ name ──▶ POST of a review ──▶ judge ──▶ answer
 *        few at a time                └─ else closed, before a byte of HTTP is read
 *
 * A judge takes no look outside but one at the API server, within a second. Nothing that comes ends the process: what cannot be
 * read is refused with the reason, and what a judge throws is refused without. There is no state between two reviews, so the
 * same one again is answered the same, but for the sidecar's user, which is drawn.
 */
import { constants } from 'node:crypto';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import fastify, { type FastifyInstance } from 'fastify';
import type { AdmissionRequest, Verdict } from '../admission.ts';
import { type ClientTrust, mayAsk } from './client-trust.ts';
import type { Judge, NotReady } from './judges.ts';
import { answerOf, notReadyAnswer, readReview, refusalOf } from './review.ts';
import type { WebhookPath } from './webhook-configurations.ts';

/** Largest review, in bytes: two objects of the 3 MiB that an API server takes in one request. */
const reviewBytesMax = 8 * 1_024 * 1_024;
/** Most bytes of reviews under way at once; what comes beyond is sent away, and an API server may ask again. */
const bytesUnderWayMax = 8 * reviewBytesMax;
/** Connections at a time. An API server keeps a few. */
const connectionsMax = 256;
/** Connections that have not said yet who they are; of more the oldest is closed, since an honest handshake takes milliseconds. */
const strangersMax = 64;
/** Longest handshake, and longest a whole request may take to arrive, in ms: before the API server gives up. */
const arrivalMaxMs = 4_000;
/** How often Node looks for requests that take too long, in ms: its own default is half a minute. */
const checkMs = 500;
/** Longest wait for answers that are under way when a server closes, in ms: no judge takes longer. */
const lastAnswerMs = 1_500;
/** Longest an idle connection stays, in ms. API servers end theirs after 90 s; whoever ends first may end one on which a review is on its way. */
const idleMaxMs = 120_000;

export interface ServerCredentials {
  readonly certificateChainPem: string;
  readonly privateKeyPem: { reveal(): string };
}

/** What was asked, and what came of it. */
export interface Judged {
  readonly path: WebhookPath;
  readonly request: AdmissionRequest;
  readonly answer: Verdict | NotReady;
}

export interface WebhookServerOptions {
  readonly credentials: ServerCredentials;
  readonly trust: ClientTrust;
  readonly judges: Readonly<Record<WebhookPath, Judge>>;
  /** How long it answers after it was told to close, in ms, so that connections end with an answer and whoever comes late finds somebody. */
  readonly drainMs: number;
  /** Told of every review after it was judged. Must not throw. */
  judged(what: Judged): void;
  /** Told what a judge threw: a broken invariant of ours. Must not throw. */
  failed(cause: unknown): void;
}

export type Bound =
  | { readonly kind: 'bound'; readonly port: number }
  | { readonly kind: 'refused'; readonly message: string };

export interface WebhookServer {
  listen(at: { readonly address: string; readonly port: number }): Promise<Bound>;
  /** The next handshake sees both; connections of whom the former trust let in end with their next answer. */
  rotate(credentials: ServerCredentials, trust: ClientTrust): void;
  /** Answers for a while yet: until everybody has heard, API servers come here. No review that came is lost. */
  close(): Promise<void>;
}

export function createWebhookServer(options: WebhookServerOptions): WebhookServer {
  let { trust } = options;
  let isLeaving = false;
  /** Trust under which each connection was let in. */
  const letInBy = new WeakMap<Socket, ClientTrust>();
  const server = fastify({
    https: {
      ...contextOf(options.credentials, trust),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: arrivalMaxMs,
      connectionsCheckingInterval: checkMs,
    },
    bodyLimit: reviewBytesMax,
    requestTimeout: arrivalMaxMs,
    keepAliveTimeout: idleMaxMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  });
  const { server: https } = server;
  https.maxConnections = connectionsMax;
  https.headersTimeout = arrivalMaxMs;
  const connections = new Set<Socket>();
  https.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const cutAll = () => {
    for (const socket of connections) socket.destroy();
  };
  closeOldestStrangers(https);
  // Before Node's own listener, which would begin to read HTTP.
  https.prependListener('secureConnection', (socket: TLSSocket) => {
    const isVerified = trust.kind === 'anyone' || socket.authorized;
    if (isVerified && mayAsk(trust, socket.getPeerCertificate().subject?.CN)) letInBy.set(socket, trust);
    else socket.destroy();
  });
  boundBytes(server);
  server.addHook('onRequest', async ({ raw }, reply) => {
    if (isLeaving || letInBy.get(raw.socket) !== trust) reply.header('connection', 'close');
  });
  for (const [path, judge] of Object.entries(options.judges) as [WebhookPath, Judge][]) {
    server.post(path, async ({ body }, reply) => {
      const read = readReview(body);
      if (read.kind === 'unreadable') {
        return read.uid === undefined ? reply.code(400).send(read.reason) : refusalOf(read.uid, read.reason);
      }
      const { uid, request } = read;
      try {
        const answer = await judge(request);
        options.judged({ path, request, answer });
        return answer.kind === 'not-ready' ? notReadyAnswer(uid, answer.reason) : answerOf(uid, answer);
      } catch (error) {
        options.failed(error);
        return notReadyAnswer(uid, 'the review could not be judged; the log of the control plane says why');
      }
    });
  }
  return {
    async listen({ address, port }) {
      try {
        await server.listen({ host: address, port });
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : error;
        const message = `webhooks cannot be answered at \`${address}:${port}\` (${code}); choose another address by --webhook`;
        return { kind: 'refused', message };
      }
      const bound = https.address();
      return { kind: 'bound', port: typeof bound === 'object' && bound !== null ? bound.port : port };
    },
    rotate(credentials, newTrust) {
      trust = newTrust;
      https.setSecureContext(contextOf(credentials, trust));
    },
    async close() {
      isLeaving = true;
      if (https.listening) await sleep(options.drainMs);
      // Node waits for connections that never asked for anything, for as long as they please.
      const last = setTimeout(cutAll, lastAnswerMs);
      await server.close();
      clearTimeout(last);
    },
  };
}

function contextOf({ certificateChainPem, privateKeyPem }: ServerCredentials, trust: ClientTrust) {
  return {
    cert: certificateChainPem,
    key: privateKeyPem.reveal(),
    // An empty list would mean every authority that Node knows.
    ca: trust.kind === 'certificate' ? trust.anchorPem : certificateChainPem,
    minVersion: 'TLSv1.3',
    // A resumed session would skip the check of the client's certificate.
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as const;
}

function closeOldestStrangers(https: Server): void {
  const strangers = new Map<string, Socket>();
  const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  https.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    strangers.set(key, socket);
    socket.once('close', () => strangers.delete(key));
    const [oldest] = strangers.values();
    if (strangers.size > strangersMax) oldest?.destroy();
  });
  https.prependListener('secureConnection', (socket: TLSSocket) => strangers.delete(keyOf(socket)));
}

/** A review says how long it is before it comes. */
function boundBytes(server: FastifyInstance): void {
  let underWay = 0;
  server.addHook('onRequest', async ({ headers }, reply) => {
    const bytes = Number(headers['content-length']);
    if (!Number.isSafeInteger(bytes)) return reply.code(411).send('a review must say how long it is');
    if (underWay + bytes > bytesUnderWayMax) return reply.code(429).send('too many reviews are under way');
    underWay += bytes;
    reply.raw.once('close', () => {
      underWay -= bytes;
    });
  });
}
