/** A client that writes frames byte by byte, and a server without a socket that hears them. */
import { type ConnectionLimits, ServerConnection } from '../../src/http2/connection.ts';
import { fieldBlock } from '../../src/http2/field-block.ts';
import { frame, frameHeadBytes, frameType, settingsFrame } from '../../src/http2/frame.ts';
import type { ServerStream } from '../../src/http2/server-stream.ts';

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** What every client begins with. */
export const greeting = Buffer.concat([preface, settingsFrame([])]);

export const callBlock = fieldBlock([
  [':method', 'POST'],
  [':scheme', 'https'],
  [':path', '/a.B/C'],
]);

export const limits: ConnectionLimits = {
  concurrentStreamsMax: 8,
  fields: { fieldsMax: 16, bytesMax: 4_096 },
  bodyBytesMax: 50_000,
  partialBytesMax: 100_000,
  resets: { atOnce: 10, perSecond: 1 },
  idleFrames: { atOnce: 20, perSecond: 10 },
  stallMsMax: 5_000,
};

export interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Whole frames in what was written. */
export function framesIn(bytes: Buffer): readonly SentFrame[] {
  const found: SentFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + frameHeadBytes + bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + frameHeadBytes, end);
    found.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream: bytes.readUInt32BE(at + 5), payload });
    at = end;
  }
  return found;
}

/** A server that gathers bodies, and answers when it is told to. */
export class RawServer {
  readonly connection: ServerConnection;
  readonly streams: ServerStream[] = [];
  readonly bodies = new Map<number, string>();
  readonly whole: number[] = [];
  readonly aborted: number[] = [];
  pings = 0;
  isFinished = false;
  nowMs = 0;
  #written: Buffer[] = [];

  /** @param begin what is done with a stream before its connection goes on. */
  constructor(
    of: Partial<ConnectionLimits> & { readonly onWhole?: () => void } = {},
    begin: (stream: ServerStream) => void = () => undefined,
  ) {
    this.connection = new ServerConnection(
      { ...limits, ...of },
      {
        write: (bytes) => {
          if (this.isFinished) throw new Error('something was said behind the end');
          this.#written.push(Buffer.from(bytes));
        },
        open: (stream) => {
          this.streams.push(stream);
          const { id } = stream;
          begin(stream);
          return {
            data: (bytes) => void this.bodies.set(id, (this.bodies.get(id) ?? '') + bytes.toString()),
            end: () => {
              this.whole.push(id);
              of.onWhole?.();
            },
            aborted: () => void this.aborted.push(id),
          };
        },
        pinged: () => {
          this.pings += 1;
        },
        finished: () => {
          this.isFinished = true;
        },
        nowMs: () => this.nowMs,
      },
    );
  }

  /** @returns what it writes to that. */
  hear(...bytes: readonly Buffer[]): readonly SentFrame[] {
    this.connection.take(Buffer.concat(bytes));
    return this.written();
  }

  written(): readonly SentFrame[] {
    const written = framesIn(Buffer.concat(this.#written));
    this.#written = [];
    return written;
  }

  stream(id: number): ServerStream {
    const found = this.streams.find((stream) => stream.id === id);
    if (found === undefined) throw new Error(`there is no stream ${id}`);
    return found;
  }
}

/** HEADERS of a whole call without a body, unless flags say otherwise. */
export function headers(stream: number, flags = 0x5, block = callBlock): Buffer {
  return frame(frameType.headers, flags, stream, block);
}

export function data(stream: number, flags: number, text: string | Buffer): Buffer {
  return frame(frameType.data, flags, stream, Buffer.from(text));
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
