/**
 * One call of a lean server, from its headers to its end.
 *
 *   headers ──method?──▶ body, bounded ──one message?──▶ in time? ──▶ method ──▶ message and trailers | a status
 *
 * An answer that comes after the caller's deadline would be read by nobody, so nobody is asked for it: a server that is behind
 * drops what is too late instead of doing it later still.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { grpcTimeoutMs } from './grpc-timeout.ts';
import type { LeanAnswer, LeanCall, LeanMethod } from './lean-method.ts';
import { framed, messageIn } from './message-frame.ts';
import type { Peer } from './peer.ts';

/** What all calls of one connection share. */
export interface CallHost {
  readonly address: string;
  readonly peer: Peer;
  readonly methods: ReadonlyMap<string, LeanMethod>;
  /** Bytes of messages that are not whole yet, counted up and down. @returns false where they are too many. */
  reserve(bytes: number): boolean;
  nowMs(): number;
}

/** Longest body of a call, in bytes: a message and its frame. */
export interface CallBounds {
  readonly bodyBytesMax: number;
  /** For who says nothing of a deadline, in ms. */
  readonly waitMs: number;
}

const grpcContent = 'application/grpc';

const messageHeaders = { ':status': 200, 'content-type': grpcContent };
const messageTrailers = { 'grpc-status': '0' };

export class LeanStream implements LeanCall {
  readonly address: string;
  readonly peer: Peer;
  /** When the caller does not wait any longer, in ms of the host's clock. */
  readonly dueMs: number;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #host: CallHost;
  readonly #bodyBytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #answered = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, host: CallHost, bounds: CallBounds) {
    this.address = host.address;
    this.peer = host.peer;
    this.#stream = stream;
    this.#headers = headers;
    this.#host = host;
    this.#bodyBytesMax = bounds.bodyBytesMax;
    this.dueMs = host.nowMs() + (grpcTimeoutMs(headers['grpc-timeout']) ?? bounds.waitMs);
  }

  /** @param left told once, when the call is over or its body is whole: it waits for its caller no longer. */
  read(left: (call: LeanStream) => void): void {
    const stream = this.#stream;
    stream.on('error', ignore); // a caller who leaves
    if (!String(this.#headers['content-type']).startsWith(grpcContent) || this.#headers[':method'] !== 'POST') {
      stream.respond({ ':status': 415 }, { endStream: true });
      left(this);
      return;
    }
    const method = this.#host.methods.get(this.#headers[':path'] ?? '');
    if (method === undefined) {
      this.answer({ kind: 'status', code: status.UNIMPLEMENTED, details: 'there is no such method' });
      left(this);
      return;
    }
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => {
      left(this);
      this.#release();
      if (!this.#answered) this.#call(method, this.#body());
    });
    stream.on('aborted', () => {
      left(this);
      this.#release();
    });
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** Only the first answer counts. */
  answer(answer: LeanAnswer): void {
    const stream = this.#stream;
    if (this.#answered || stream.destroyed || stream.closed) return;
    this.#answered = true;
    if (answer.kind === 'message') {
      const { headers } = answer;
      stream.respond(headers === undefined ? messageHeaders : { ...messageHeaders, ...headers }, {
        waitForTrailers: true,
      });
      stream.on('wantTrailers', sendTrailers);
      stream.end(framed(answer.bytes));
      return;
    }
    const { code, details } = answer;
    stream.respond(
      { ...messageHeaders, 'grpc-status': String(code), 'grpc-message': encodeURIComponent(details) },
      { endStream: true },
    );
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #take(chunk: Buffer): void {
    if (this.#answered) return;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    if (this.#bytes <= this.#bodyBytesMax && this.#host.reserve(chunk.length)) return;
    this.answer({ kind: 'status', code: status.RESOURCE_EXHAUSTED, details: 'the message is too large' });
    this.#chunks = [];
  }

  #body(): Buffer {
    const [only, ...more] = this.#chunks;
    this.#chunks = [];
    return only === undefined || more.length > 0 ? Buffer.concat(only === undefined ? [] : [only, ...more]) : only;
  }

  #release(): void {
    this.#host.reserve(-this.#bytes);
    this.#bytes = 0;
  }

  #call(method: LeanMethod, body: Buffer): void {
    const content = this.#host.nowMs() > this.dueMs ? late : messageIn(body);
    if (content.kind === 'refused') {
      this.answer({ ...content, kind: 'status' });
    } else if (method.kind === 'watch') {
      this.#watch(method, content.bytes);
    } else {
      const answer = method.answer(content.bytes, this);
      if (answer instanceof Promise) void answer.then((given) => this.answer(given));
      else this.answer(answer);
    }
  }

  #watch(method: Extract<LeanMethod, { kind: 'watch' }>, message: Buffer): void {
    const stream = this.#stream;
    const watch = method.watch(message, (told) => {
      if (stream.destroyed || stream.closed) return;
      if (!stream.headersSent) stream.respond(messageHeaders, { waitForTrailers: true });
      stream.write(framed(told));
    });
    if (watch.kind === 'status') {
      this.answer(watch);
    } else {
      this.#answered = true;
      stream.on('close', () => watch.end());
    }
  }
}

const late = { kind: 'refused', code: status.DEADLINE_EXCEEDED, details: 'the deadline has passed' } as const;

function sendTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(messageTrailers);
}

function ignore(): void {}
