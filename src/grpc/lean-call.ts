/**
 * One call of a lean server, from its headers to its end.
 *
 *   headers ──method?──▶ body, bounded ──one message?──▶ in time? ──▶ method ──▶ message and trailers | a status
 *
 * An answer that comes after the caller's deadline would be read by nobody, so nobody is asked for it: a server that is behind
 * drops what is too late instead of doing it later still.
 */
import { status } from '@grpc/grpc-js';
import { errorCode } from '../http2/error-code.ts';
import { type Field, fieldBlock } from '../http2/field-block.ts';
import type { ServerStream, StreamReceiver } from '../http2/server-stream.ts';
import { grpcTimeoutMs } from './grpc-timeout.ts';
import type { LeanAnswer, LeanCall, LeanMethod } from './lean-method.ts';
import { messageWaitMsMax, watchPendingBytesMax } from './limits.ts';
import { framed, messageIn } from './message-frame.ts';
import type { Peer } from './peer.ts';

/** What all calls of one connection share. */
export interface CallHost {
  readonly address: string;
  readonly peer: Peer;
  readonly methods: ReadonlyMap<string, LeanMethod>;
  /** The call waits for its caller no longer. */
  left(call: LeanStream): void;
  nowMs(): number;
}

/** Longest body of a call, in bytes: a message and its frame. */
export interface CallBounds {
  readonly bodyBytesMax: number;
  /** For who says nothing of a deadline, in ms. */
  readonly waitMs: number;
}

const grpcContent = 'application/grpc';

const responseFields: readonly Field[] = [
  [':status', '200'],
  ['content-type', grpcContent],
];
const messageHeaders = fieldBlock(responseFields);
const messageTrailers = fieldBlock([['grpc-status', '0']]);
const unsupportedMedia = fieldBlock([[':status', '415']]);

const nothing = Buffer.alloc(0);

export class LeanStream implements LeanCall, StreamReceiver {
  readonly address: string;
  readonly peer: Peer;
  /** When the caller does not wait any longer, or its message is not waited for, in ms of the host's clock. */
  readonly dueMs: number;
  readonly #stream: ServerStream;
  readonly #host: CallHost;
  readonly #bodyBytesMax: number;
  #method: LeanMethod | undefined;
  /** The first `#bytes` of it were said. */
  #body: Buffer = nothing;
  #bytes = 0;
  #answered = false;
  #endWatch: (() => void) | undefined;

  constructor(stream: ServerStream, host: CallHost, bounds: CallBounds) {
    this.address = host.address;
    this.peer = host.peer;
    this.#stream = stream;
    this.#host = host;
    this.#bodyBytesMax = bounds.bodyBytesMax;
    const waitMs = grpcTimeoutMs(this.header('grpc-timeout')) ?? bounds.waitMs;
    this.dueMs = host.nowMs() + Math.min(waitMs, messageWaitMsMax);
  }

  /** Looks whether anybody can answer it. */
  begin(): void {
    if (!this.header('content-type')?.startsWith(grpcContent) || this.header(':method') !== 'POST') {
      this.#answered = true;
      this.#host.left(this);
      this.#stream.headers(unsupportedMedia, true);
      return;
    }
    this.#method = this.#host.methods.get(this.header(':path') ?? '');
    if (this.#method === undefined) {
      this.answer({ kind: 'status', code: status.UNIMPLEMENTED, details: 'there is no such method' });
    }
  }

  header(name: string): string | undefined {
    let found: string | undefined;
    for (const field of this.#stream.fields) {
      if (field.name !== name) continue;
      if (found !== undefined) return undefined;
      found = field.value;
    }
    return found;
  }

  /** A body that comes whole is not copied; one in pieces is gathered in room that doubles, however small they are. */
  data(piece: Buffer, isLast: boolean): void {
    if (this.#answered) return;
    const bytes = this.#bytes + piece.length;
    if (bytes > this.#bodyBytesMax) {
      this.answer({ kind: 'status', code: status.RESOURCE_EXHAUSTED, details: 'the message is too large' });
      return;
    }
    if (isLast && this.#bytes === 0) this.#body = piece;
    else this.#gather(piece, bytes);
    this.#bytes = bytes;
  }

  end(): void {
    this.#host.left(this);
    const body = this.#body.subarray(0, this.#bytes);
    this.#body = nothing;
    if (!this.#answered && this.#method !== undefined) this.#call(this.#method, body);
  }

  aborted(): void {
    this.#host.left(this);
    this.#body = nothing;
    this.#answered = true;
    this.#endWatch?.();
  }

  /** Only the first answer counts. */
  answer(answer: LeanAnswer): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#body = nothing;
    this.#host.left(this);
    if (answer.kind === 'message') {
      const { headers } = answer;
      const block =
        headers === undefined ? messageHeaders : fieldBlock([...responseFields, ...Object.entries(headers)]);
      this.#stream.respond(block, framed(answer.bytes), messageTrailers);
      return;
    }
    const { code, details } = answer;
    this.#stream.headers(
      fieldBlock([...responseFields, ['grpc-status', String(code)], ['grpc-message', encodeURIComponent(details)]]),
      true,
    );
  }

  #gather(piece: Buffer, bytes: number): void {
    if (bytes > this.#body.length) {
      const wider = Buffer.allocUnsafeSlow(Math.min(this.#bodyBytesMax, Math.max(2 * this.#bytes, bytes)));
      this.#body.copy(wider, 0, 0, this.#bytes);
      this.#body = wider;
    }
    piece.copy(this.#body, this.#bytes);
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
      stream.headers(messageHeaders, false);
      stream.write(framed(told));
      if (stream.pendingBytes > watchPendingBytesMax) stream.cancel(errorCode.enhanceYourCalm);
    });
    if (watch.kind === 'status') {
      this.answer(watch);
    } else {
      this.#answered = true;
      this.#endWatch = () => watch.end();
    }
  }
}

const late = { kind: 'refused', code: status.DEADLINE_EXCEEDED, details: 'the deadline has passed' } as const;
