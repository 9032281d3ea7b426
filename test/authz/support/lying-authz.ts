/**
 * An ext_authz server that answers whatever a test wants, down to the bytes and the transport, for what no honest gRPC
 * library would send. HTTP/2, plain unless it is given a server that is not.
 */
import { createServer, type Http2SecureServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { ListenOptions } from 'node:net';

export type Lie =
  /** These bytes as the CheckResponse, with grpc-status 0. */
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** The gRPC status, and no message. */
  | { readonly kind: 'status'; readonly code: number }
  | { readonly kind: 'http-status'; readonly code: number }
  /** The message without an end. */
  | { readonly kind: 'no-trailers'; readonly bytes: Uint8Array }
  /** Says that more bytes follow than do. */
  | { readonly kind: 'cut-frame'; readonly bytes: Uint8Array }
  | { readonly kind: 'silence' }
  | { readonly kind: 'reset-stream' }
  | { readonly kind: 'reset-connection' };

export class LyingAuthz {
  lie: Lie = { kind: 'silence' };
  /** How often it was asked. */
  asked = 0;
  readonly #server: Http2Server | Http2SecureServer;

  constructor(server: Http2Server | Http2SecureServer = createServer()) {
    this.#server = server;
    this.#server.on('stream', (stream) => {
      this.asked += 1;
      stream.on('error', () => {}); // Envoy leaves when its patience ends
      tell(stream, this.lie);
    });
    this.#server.on('sessionError', () => {});
  }

  listen(at: ListenOptions): Promise<void> {
    return new Promise((resolve) => this.#server.listen(at, resolve));
  }

  close(): void {
    this.#server.close();
  }
}

function tell(stream: ServerHttp2Stream, lie: Lie): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  switch (lie.kind) {
    case 'message':
      stream.respond(headers, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(framed(lie.bytes, lie.bytes.length));
      break;
    case 'status':
      stream.respond({ ...headers, 'grpc-status': String(lie.code) }, { endStream: true });
      break;
    case 'http-status':
      stream.respond({ ':status': lie.code }, { endStream: true });
      break;
    case 'no-trailers':
      stream.respond(headers);
      stream.end(framed(lie.bytes, lie.bytes.length));
      break;
    case 'cut-frame':
      stream.respond(headers, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(framed(lie.bytes, lie.bytes.length + 1));
      break;
    case 'silence':
      break;
    case 'reset-stream':
      stream.close(2); // INTERNAL_ERROR
      break;
    case 'reset-connection':
      stream.session?.socket.destroy();
      break;
  }
}

/** gRPC's frame: not compressed, four bytes of length, the message. */
function framed(message: Uint8Array, length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}
