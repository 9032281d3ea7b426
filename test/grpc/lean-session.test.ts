/** A connection whose client does not read, or does not end what it has begun: on a socket that takes what it is told to take. */
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { afterEach, expect, test, vi } from 'vitest';
import type { LeanMethod } from '../../src/grpc/lean-method.ts';
import { LeanSession } from '../../src/grpc/lean-session.ts';
import { messageWaitMsMax, unsentBytesMax, unsentWritesMax } from '../../src/grpc/limits.ts';
import { fieldBlock } from '../../src/http2/field-block.ts';
import { frame, frameType } from '../../src/http2/frame.ts';
import { framesIn, greeting, headers, type SentFrame } from '../http2/raw-client.ts';

const ping = frame(frameType.ping, 0, 0, Buffer.from('12345678'));

/** What is written waits until it is read. */
class SlowSocket extends Duplex {
  readonly #taken: Buffer[] = [];
  #next: (() => void) | undefined;
  isRead = false;

  override _read(): void {
    // What the client says is pushed.
  }

  override _write(chunk: Buffer, _encoding: string, then: () => void): void {
    this.#taken.push(chunk);
    if (this.isRead) then();
    else this.#next = then;
  }

  /** From now on. */
  readAll(): void {
    this.isRead = true;
    this.#next?.();
  }

  frames(): readonly SentFrame[] {
    return framesIn(Buffer.concat(this.#taken));
  }
}

function sessionOn(socket: SlowSocket): LeanSession {
  const method: LeanMethod = { kind: 'unary', answer: () => ({ kind: 'message', bytes: Buffer.alloc(0) }) };
  const bounds = { bodyBytesMax: 1_000, waitMs: 1_000 };
  return new LeanSession(socket as unknown as TLSSocket, new Map([['/a.B/C', method]]), bounds, 3_600_000);
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

afterEach(() => {
  vi.restoreAllMocks();
});

test('nothing more is read from a client that does not read, however small the answers are, until it does', async () => {
  const socket = new SlowSocket();
  sessionOn(socket);
  socket.push(greeting);
  let said = 0;
  for (; !socket.isPaused() && said < 2 * unsentWritesMax; said += 1) {
    socket.push(ping);
    await turn();
    await turn();
  }
  expect(said).toBeLessThanOrEqual(unsentWritesMax + 1);
  expect(socket.writableLength).toBeLessThan(unsentBytesMax);
  socket.push(ping);
  socket.readAll();
  await expect.poll(() => socket.frames().filter(({ type }) => type === frameType.ping).length).toBe(said + 1);
});

test('a message that is not whole is given up, be its deadline in a year', async () => {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const socket = new SlowSocket();
  socket.isRead = true;
  const session = sessionOn(socket);
  const block = fieldBlock([
    ...([
      [':method', 'POST'],
      [':scheme', 'https'],
      [':path', '/a.B/C'],
    ] as const),
    ...([
      ['content-type', 'application/grpc'],
      ['grpc-timeout', '9999H'],
    ] as const),
  ]);
  socket.push(Buffer.concat([greeting, headers(1, 0x4, block)]));
  await turn();
  const answer = async () => {
    session.tick();
    await turn();
    return socket
      .frames()
      .find(({ type, stream }) => type === frameType.headers && stream === 1)
      ?.payload.toString();
  };
  nowMs = messageWaitMsMax - 1;
  expect(await answer()).toBeUndefined();
  nowMs += 2;
  expect(await answer()).toContain(`grpc-status${String.fromCharCode(1)}${status.DEADLINE_EXCEEDED}`);
});
