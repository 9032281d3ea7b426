/** A webhook server on loopback, and those who ask it: an API server, and people who are none. */
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { ClientTrust } from '../../../src/kube/webhook/client-trust.ts';
import type { Judge } from '../../../src/kube/webhook/judges.ts';
import { type WebhookPath, webhookPaths } from '../../../src/kube/webhook/webhook-configurations.ts';
import { createWebhookServer, type Judged } from '../../../src/kube/webhook/webhook-server.ts';
import { type Authority, issue, makeAuthority, type PemPair } from '../harness/certificates.ts';

export const loopback = '127.0.0.1';
export const apiServerName = 'front-proxy-client';

export interface Answered {
  readonly status: number;
  /** Parsed where it is JSON, else as text. */
  readonly body: unknown;
  readonly connection: string | undefined;
}

export interface Asked {
  readonly port: number;
  /** Of the server's certificate. */
  readonly anchor: string;
  /** Vouches for API servers. */
  readonly clients: Authority;
  readonly apiServer: PemPair;
  readonly judged: readonly Judged[];
  readonly failures: readonly unknown[];
  /** @param body as text as it is, anything else as JSON. @throws where the connection is closed. */
  ask(
    path: string,
    body: unknown,
    how?: { readonly as?: PemPair; readonly agent?: Agent; readonly isChunked?: boolean },
  ): Promise<Answered>;
  /** An agent that keeps its connection. */
  keeping(): Agent;
  /** Another certificate of the same server name. */
  rotate(trust?: ClientTrust): Promise<string>;
  /** What the certificate of the next handshake is, as PEM of its serial number. */
  serial(): Promise<string>;
  close(): Promise<void>;
}

/** @param judge asked at every path. */
export async function startAsked(judge: Judge | Readonly<Record<WebhookPath, Judge>>): Promise<Asked> {
  const [servers, clients] = [await makeAuthority('the mesh'), await makeAuthority('front proxies')];
  const apiServer = await issue(clients, { name: apiServerName });
  const credentials = async () => {
    const { certificate, key } = await issue(servers, { name: 'coffre' }, [loopback]);
    return { certificateChainPem: certificate, privateKeyPem: { reveal: () => key } };
  };
  const judged: Judged[] = [];
  const failures: unknown[] = [];
  const everywhere = (one: Judge) =>
    Object.fromEntries(Object.values(webhookPaths).map((path) => [path, one])) as Record<WebhookPath, Judge>;
  const trust: ClientTrust = { kind: 'certificate', anchorPem: clients.certificate, names: new Set([apiServerName]) };
  const server = createWebhookServer({
    ...{ credentials: await credentials(), trust, drainMs: 0 },
    judges: typeof judge === 'function' ? everywhere(judge) : judge,
    judged: (what) => judged.push(what),
    failed: (cause) => failures.push(cause),
  });
  const bound = await server.listen({ address: loopback, port: 0 });
  if (bound.kind === 'refused') throw new Error(bound.message);
  const { port } = bound;
  const agents: Agent[] = [];
  return {
    ...{ port, anchor: servers.certificate, clients, apiServer, judged, failures },
    ask(path, body, { as = apiServer, agent, isChunked = false } = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const { promise, resolve, reject } = Promise.withResolvers<Answered>();
      const sent = request(
        {
          ...{ host: loopback, port, path, method: 'POST', ca: servers.certificate, agent: agent ?? false },
          ...(as.certificate === '' ? {} : { cert: as.certificate, key: as.key }),
          headers: {
            'content-type': 'application/json',
            ...(isChunked ? {} : { 'content-length': Buffer.byteLength(text) }),
          },
        },
        async (answer) => {
          const parts: Buffer[] = [];
          for await (const part of answer) parts.push(part);
          const whole = Buffer.concat(parts).toString();
          const isJson = String(answer.headers['content-type']).startsWith('application/json');
          const { connection } = answer.headers;
          resolve({ status: answer.statusCode ?? 0, body: isJson ? JSON.parse(whole) : whole, connection });
        },
      );
      sent.on('error', reject);
      if (isChunked) sent.flushHeaders();
      sent.end(text);
      return promise;
    },
    keeping() {
      const { certificate: cert, key } = apiServer;
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: servers.certificate, cert, key });
      agents.push(agent);
      return agent;
    },
    async rotate(newTrust = trust) {
      const next = await credentials();
      server.rotate(next, newTrust);
      return next.certificateChainPem;
    },
    async serial() {
      const { certificate: cert, key } = apiServer;
      const socket: TLSSocket = connect({ host: loopback, port, ca: servers.certificate, cert, key });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      await closed(socket);
      return serialNumber;
    },
    async close() {
      for (const agent of agents) agent.destroy();
      await server.close();
    },
  };
}

/** Nobody's certificate. */
export const noCertificate: PemPair = { certificate: '', key: '' };

export function reviewOf(request: object): object {
  const defaults = { uid: 'u-1', operation: 'CREATE', kind: { kind: 'Pod' }, userInfo: { username: 'alice' } };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request: { ...defaults, ...request } };
}

async function closed(socket: Socket): Promise<void> {
  const over = once(socket, 'close');
  socket.destroy();
  await over;
}
