/**
 * Stands before a real API server and spoils what a test says.
 *
 *   client ──▶ proxy ──fault? no──▶ API server          its certificate is of the cluster's own authority
 *                └── yes ──▶ a refusal, a cut, half an answer, an answer of the past, silence
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';
import { stringify } from 'yaml';
import { issue, loadAuthority } from './harness/certificates.ts';
import type { Cluster } from './harness/cluster.ts';

export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The connection is closed before an answer. */
  | { readonly kind: 'cut' }
  /** So many bytes of the answer, and a good end. */
  | { readonly kind: 'half'; readonly bytes: number }
  /** An answer in pieces of so many bytes, a turn of the event loop apart. */
  | { readonly kind: 'slow'; readonly pieceBytes: number }
  | { readonly kind: 'late'; readonly byMs: number }
  /** A good head, and nothing after it. */
  | { readonly kind: 'silent' }
  /** A list of nothing. */
  | { readonly kind: 'empty' }
  /** What the API server answered to the very same path the first time. */
  | { readonly kind: 'past' };

export interface Asked {
  readonly path: string;
  readonly isWatch: boolean;
}

export interface FaultyProxy {
  /** Path of what a program needs to speak through the proxy, as the admin. */
  readonly kubeconfig: string;
  /** Everything that was asked since the start. */
  readonly asked: readonly Asked[];
  /** Asked for each request; nothing means that it passes. */
  spoil: (asked: Asked) => Fault | undefined;
  /** Ends what is under way, watches too. */
  cutAll(): void;
  close(): Promise<void>;
}

/** @param token of whom it is; the proxy passes on whatever its client says. */
export async function startFaultyProxy(
  { url, authority, folder, adminToken }: Cluster,
  token = adminToken,
): Promise<FaultyProxy> {
  const pair = await issue(await loadAuthority(folder), { name: 'faulty-proxy' }, ['127.0.0.1']);
  const upstream = new Agent({ connect: { ca: authority }, bodyTimeout: 0 });
  const sockets = new Set<Socket>();
  const asked: Asked[] = [];
  const past = new Map<string, Buffer>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url: path = '/', method = 'GET', headers } = request;
    const ask: Asked = { path, isWatch: path.includes('watch=1') };
    asked.push(ask);
    const fault = proxy.spoil(ask);
    if (fault?.kind === 'cut') return void request.socket.destroy();
    if (fault?.kind === 'status') {
      const { status } = fault;
      response.writeHead(status, { 'content-type': 'application/json', ...fault.headers });
      return void response.end(JSON.stringify({ kind: 'Status', code: status, message: `spoiled by ${status}` }));
    }
    if (fault?.kind === 'silent') {
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.flushHeaders();
    }
    if (fault?.kind === 'late') await sleep(fault.byMs, undefined, { ref: false });
    const ended = new AbortController();
    response.once('close', () => ended.abort());
    const { authorization = '', 'content-type': contentType } = headers;
    const real = await upstream.request({
      ...{ origin: url, path, method: method as Dispatcher.HttpMethod, signal: ended.signal },
      headers: { authorization, ...(contentType === undefined ? {} : { 'content-type': contentType }) },
      body: method === 'GET' ? null : request,
    });
    const type = String(real.headers['content-type']);
    if (ask.isWatch) {
      response.writeHead(real.statusCode, { 'content-type': type });
      response.flushHeaders();
      for await (const chunk of real.body) {
        const passed = fault?.kind === 'half' ? chunk.subarray(0, fault.bytes) : chunk;
        await written(response, passed, fault);
        if (fault?.kind === 'half') break;
      }
      return void response.end();
    }
    const body = Buffer.from(await real.body.arrayBuffer());
    if (!past.has(path)) past.set(path, body);
    response.writeHead(real.statusCode, { 'content-type': type });
    for (const piece of spoiled(body, fault, past.get(path) ?? body)) await written(response, piece, fault);
    response.end();
  }

  const server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    // Who gave up a request has closed its connection, and the API server may be down: the client sees the cut.
    answer(request, response).catch(() => request.socket.destroy());
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const kubeconfig = join(folder, `through-proxy-${port}.kubeconfig`);
  await writeFile(kubeconfig, kubeconfigText(`https://127.0.0.1:${port}`, authority, token), { mode: 0o600 });
  const proxy: FaultyProxy = {
    kubeconfig,
    asked,
    spoil: () => undefined,
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      proxy.cutAll();
      server.close();
      await upstream.destroy();
    },
  };
  return proxy;
}

function spoiled(body: Buffer, fault: Fault | undefined, past: Buffer): readonly Uint8Array[] {
  switch (fault?.kind) {
    case 'half':
      return [body.subarray(0, fault.bytes)];
    case 'slow':
      return Array.from({ length: Math.ceil(body.length / fault.pieceBytes) }, (_, index) =>
        body.subarray(index * fault.pieceBytes, (index + 1) * fault.pieceBytes),
      );
    case 'past':
      return [past];
    case 'empty': {
      const list: unknown = JSON.parse(body.toString());
      return [Buffer.from(JSON.stringify({ ...(typeof list === 'object' ? list : {}), items: [] }))];
    }
    default:
      return [body];
  }
}

async function written(response: ServerResponse, piece: Uint8Array, fault: Fault | undefined): Promise<void> {
  if (response.destroyed) throw new Error('nobody listens any more');
  if (!response.write(piece)) await once(response, 'drain');
  if (fault?.kind === 'slow') await sleep(1);
}

function kubeconfigText(server: string, authority: string, token: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(authority).toString('base64') } },
    ],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  });
}
