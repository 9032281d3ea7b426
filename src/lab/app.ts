/**
 * The lab's application: answers what it is asked and writes down, before it answers, who came and what they wanted.
 *
 *   app.ts --service api --log FILE --listen http:8080 --listen http2:9090 --listen tcp:5432 [--host ::]
 *          [--cert FILE --key FILE --listen https:8443 --listen tls:5433]
 *
 * The log is the oracle of every claim about what arrived: one JSON line per accepted connection and per request,
 * written synchronously, so a request that was answered is in it. Prints `ready` once all ports are bound.
 * `http2` is plaintext HTTP/2 with prior knowledge, and answers gRPC callers in their manner; `tcp` speaks first.
 * `https` and `tls` are HTTP/1.1 and `tcp` under TLS: how a service outside the mesh looks.
 * The path `/status/<code>` answers with that code; every other path answers 200, `/delay/<ms>` after so long (HTTP/1.1).
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parseArgs } from 'node:util';
import type { AppConnection, AppRequest, AppSighting } from './app-process.ts';

const { values } = parseArgs({
  options: {
    service: { type: 'string', default: 'app' },
    host: { type: 'string', default: '::' },
    listen: { type: 'string', multiple: true, default: [] },
    log: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
  },
});
const { service, host, log } = values;
const tls = () => ({ cert: readFileSync(values.cert ?? ''), key: readFileSync(values.key ?? '') });

await Promise.all(values.listen.map(listen));
process.stdout.write('ready\n');

async function listen(text: string): Promise<void> {
  const [kind, portText] = text.split(':');
  const port = Number(portText);
  const server = serverOf(kind, port);
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy());
    sight({ kind: 'connection', port, ...peerOf(socket) });
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
}

function serverOf(kind: string | undefined, port: number): Server {
  switch (kind) {
    case 'http':
      // Never closed for silence: Node's five seconds race with the sidecar's next request, and lose it.
      return createServer({ keepAliveTimeout: 0 }, answerHttp(port));
    case 'https':
      return createHttpsServer(tls(), answerHttp(port));
    case 'http2':
      return createHttp2Server((request, response) => {
        request.resume();
        const { socket } = request.stream.session ?? {};
        const seen = requestSeen(port, socket, request.method, request.url, request.headers);
        if (request.headers['content-type']?.startsWith('application/grpc')) {
          request.stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
          request.stream.on('wantTrailers', () => request.stream.sendTrailers({ 'grpc-status': '0' }));
          request.stream.end(emptyGrpcMessage);
        } else {
          response.writeHead(statusFor(seen.path), { 'content-type': 'application/json' });
          response.end(answerTo(seen));
        }
      });
    case 'tcp':
      return createTcpServer(greet);
    case 'tls':
      return createTlsServer(tls(), greet);
    default:
      throw new Error(
        `\`${kind}\` is no kind of listener; write http:PORT, http2:PORT, tcp:PORT, https:PORT or tls:PORT`,
      );
  }
}

function answerHttp(port: number): RequestListener {
  return (request, response) => {
    request.resume(); // the body is nobody's business
    const seen = requestSeen(port, request.socket, request.method, request.url, request.headers);
    setTimeout(() => {
      response.writeHead(statusFor(seen.path), { 'content-type': 'application/json' });
      response.end(answerTo(seen));
    }, delayFor(seen.path));
  };
}

function greet(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.write(`hello from ${service}\n`);
  socket.pipe(socket);
}

/** An uncompressed message of no bytes: flag and four bytes of length. Source: gRPC over HTTP/2, "Length-Prefixed-Message". */
const emptyGrpcMessage = Buffer.alloc(5);

function requestSeen(
  port: number,
  socket: Pick<Socket, 'remoteAddress' | 'remotePort'> | undefined,
  method: string | undefined,
  path: string | undefined,
  headers: IncomingHttpHeaders,
): AppRequest {
  const seen: AppRequest = {
    kind: 'request',
    port,
    ...peerOf(socket),
    id: String(headers['x-request-id'] ?? ''),
    method: method ?? '',
    path: path ?? '',
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
  };
  sight(seen);
  return seen;
}

function peerOf(
  socket: Pick<Socket, 'remoteAddress' | 'remotePort'> | undefined,
): Pick<AppConnection, 'peer' | 'peerPort'> {
  return { peer: socket?.remoteAddress ?? '', peerPort: socket?.remotePort ?? 0 };
}

function sight(seen: AppSighting): void {
  if (log !== undefined) appendFileSync(log, `${JSON.stringify(seen)}\n`);
}

function statusFor(path: string): number {
  return Number(/^\/status\/([2-5]\d\d)\b/.exec(path)?.[1] ?? 200);
}

/** Longest delay, in ms. */
const delayMaxMs = 60_000;

function delayFor(path: string): number {
  return Math.min(Number(/\/delay\/(\d+)\b/.exec(path)?.[1] ?? 0), delayMaxMs);
}

function answerTo({ method, path, headers }: AppRequest): string {
  return `${JSON.stringify({ service, method, path, headers })}\n`;
}
