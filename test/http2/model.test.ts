/**
 * A client that keeps to the protocol, whatever it does: it counts its windows as the client does, from what it has said and what
 * it has read. The server must keep within them, say every answer whole once there is room, and give back what it has taken; and
 * it must say the same, byte for byte, in whatever pieces it hears the client.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { errorCode } from '../../src/http2/error-code.ts';
import { fieldBlock } from '../../src/http2/field-block.ts';
import { frame, frameType, resetFrame, settingsFrame, windowUpdateFrame } from '../../src/http2/frame.ts';
import { setting } from '../../src/http2/settings.ts';
import { callBlock, data, greeting, headers, limits, RawServer, type SentFrame } from './raw-client.ts';

type Move =
  | { readonly kind: 'call'; readonly bodyBytes: number; readonly answerBytes: number; readonly pieces: number }
  /** Of what was called and is not answered yet. */
  | { readonly kind: 'reset'; readonly which: number }
  | { readonly kind: 'window'; readonly bytes: number }
  | { readonly kind: 'widen'; readonly which: number; readonly bytes: number }
  | { readonly kind: 'widen-all'; readonly bytes: number }
  | { readonly kind: 'table'; readonly bytes: number }
  | { readonly kind: 'ping' };

const size = fc.oneof(fc.nat({ max: 20 }), fc.constantFrom(0, 1, 16_383, 16_384, 16_385, 40_000));
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('call'), bodyBytes: size, answerBytes: size, pieces: fc.nat({ max: 4 }) }),
  },
  fc.record({ kind: fc.constant('reset'), which: fc.nat({ max: 7 }) }),
  fc.record({ kind: fc.constant('window'), bytes: fc.constantFrom(0, 1, 5, 100, 16_384, 65_535, 200_000) }),
  fc.record({ kind: fc.constant('widen'), which: fc.nat({ max: 7 }), bytes: fc.constantFrom(1, 7, 30_000) }),
  fc.record({ kind: fc.constant('widen-all'), bytes: fc.constantFrom(1, 1_000, 50_000) }),
  fc.record({ kind: fc.constant('table'), bytes: fc.constantFrom(0, 100, 65_536) }),
  fc.record({ kind: fc.constant('ping') }),
);

const head = fieldBlock([[':status', '200']]);
const trailers = fieldBlock([['grpc-status', '0']]);

/** A call, as its client sees it. */
interface OpenCall {
  readonly answerBytes: number;
  window: number;
  /** What was read of the answer. */
  bytes: number;
}

/** The client, and a server that answers each call when the next one is whole, so that answers cross what else is said. */
class Model {
  readonly server: RawServer;
  readonly said: SentFrame[] = [];
  readonly #open = new Map<number, OpenCall>();
  readonly #answerBytes = new Map<number, number>();
  readonly #cut: (bytes: Buffer) => readonly Buffer[];
  #lastStream = -1;
  #window = 65_535;
  #streamWindow = 65_535;
  /** SETTINGS that are not acknowledged: until they are, the windows are what they were. */
  readonly #unheard: (number | undefined)[] = [undefined];
  #serverWindow = 65_535;
  #answered = 0;

  constructor(cut: (bytes: Buffer) => readonly Buffer[]) {
    this.#cut = cut;
    this.server = new RawServer({
      idleFrames: { atOnce: 1e6, perSecond: 0 },
      resets: { atOnce: 1e6, perSecond: 0 },
      onWhole: () => {
        if (this.server.whole.length > 1) this.#answer();
      },
    });
    this.#say(greeting);
  }

  move(move: Move): void {
    switch (move.kind) {
      case 'call':
        this.#call(move);
        break;
      case 'reset':
        this.#reset(this.#pick(move.which));
        break;
      case 'window':
        this.#unheard.push(move.bytes);
        this.#say(settingsFrame([[setting.initialWindowSize, move.bytes]]));
        break;
      case 'widen':
        this.#widen(this.#pick(move.which), move.bytes);
        break;
      case 'widen-all':
        this.#window += move.bytes;
        this.#say(windowUpdateFrame(0, move.bytes));
        break;
      case 'table':
        this.#unheard.push(undefined);
        this.#say(settingsFrame([[setting.headerTableSize, move.bytes]]));
        break;
      case 'ping':
        this.#say(frame(frameType.ping, 0, 0, Buffer.from('12345678')));
        break;
    }
  }

  /** Makes room for everything, and has every call answered. */
  finish(): void {
    while (this.#answered < this.server.whole.length) this.#answer();
    this.#hear();
    this.move({ kind: 'widen-all', bytes: 10_000_000 });
    for (const id of [...this.#open.keys()]) this.#widen(id, 1_000_000);
    expect([...this.#open.keys()]).toEqual([]);
    expect(this.#serverWindow).toBeGreaterThan((limits.partialBytesMax * 7) / 8);
    expect(this.server.isFinished).toBe(false);
  }

  #call({ bodyBytes, answerBytes, pieces }: Extract<Move, { kind: 'call' }>): void {
    if (this.#open.size >= limits.concurrentStreamsMax || bodyBytes > this.#serverWindow) return;
    this.#lastStream += 2;
    const id = this.#lastStream;
    this.#open.set(id, { answerBytes, window: this.#streamWindow, bytes: 0 });
    this.#answerBytes.set(id, answerBytes);
    this.#serverWindow -= bodyBytes;
    const frames = [
      headers(id, 0x0, callBlock.subarray(0, 4)),
      frame(frameType.continuation, 0x4, id, callBlock.subarray(4)),
    ];
    const step = Math.max(1, Math.min(16_384, Math.ceil(bodyBytes / (pieces + 1))));
    for (let at = 0; at < bodyBytes; at += step)
      frames.push(data(id, 0, Buffer.alloc(Math.min(step, bodyBytes - at), 'b')));
    this.#say(Buffer.concat([...frames, data(id, 1, '')]));
    expect(this.server.bodies.get(id)?.length ?? 0).toBe(bodyBytes);
  }

  #pick(which: number): number {
    const ids = [...this.#open.keys()];
    return ids[which % ids.length] ?? 0;
  }

  #reset(id: number): void {
    if (!this.#open.delete(id)) return;
    this.#say(resetFrame(id, errorCode.cancel));
  }

  #widen(id: number, bytes: number): void {
    const call = this.#open.get(id);
    if (call === undefined) return;
    call.window += bytes;
    this.#say(windowUpdateFrame(id, bytes));
  }

  #answer(): void {
    const id = this.server.whole[this.#answered] ?? 0;
    this.#answered += 1;
    this.server.stream(id).respond(head, Buffer.alloc(this.#answerBytes.get(id) ?? 0, 'a'), trailers);
  }

  #say(bytes: Buffer): void {
    for (const piece of this.#cut(bytes)) {
      const chunk = Buffer.from(piece);
      this.server.connection.take(chunk);
      chunk.fill(0xee); // whoever keeps a view of it sees something else
    }
    this.#hear();
  }

  #hear(): void {
    for (const sent of this.server.written()) {
      this.said.push(sent);
      this.#read(sent);
    }
  }

  #read({ type, flags, stream, payload }: SentFrame): void {
    if (type === frameType.settings && flags === 1) this.#acknowledged(this.#unheard.shift());
    if (type === frameType.windowUpdate && stream === 0) this.#serverWindow += payload.readUInt32BE();
    expect([frameType.goaway, frameType.reset]).not.toContain(type);
    const call = this.#open.get(stream);
    if (call === undefined) return;
    if (type === frameType.data) {
      call.bytes += payload.length;
      call.window -= payload.length;
      if (payload.length > 0) expect(call.window).toBeGreaterThanOrEqual(0);
    }
    if ((type === frameType.data || type === frameType.headers) && (flags & 1) !== 0) {
      expect(call.bytes).toBe(call.answerBytes);
      this.#open.delete(stream);
    }
  }

  #acknowledged(bytes: number | undefined): void {
    if (bytes === undefined) return;
    for (const call of this.#open.values()) call.window += bytes - this.#streamWindow;
    this.#streamWindow = bytes;
  }

  /** DATA of all streams, also of those that were reset meanwhile, against the window of the connection. */
  isWithinWindow(): boolean {
    const sent = this.said.filter(({ type }) => type === frameType.data);
    return sent.reduce((sum, { payload }) => sum + payload.length, 0) <= this.#window;
  }
}

function whole(bytes: Buffer): readonly Buffer[] {
  return [bytes];
}

/** Cuts at lengths that repeat. */
function cutBy(sizes: readonly number[]): (bytes: Buffer) => readonly Buffer[] {
  let turn = 0;
  return (bytes) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = sizes[turn++ % sizes.length] ?? 1;
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    return pieces;
  };
}

test('no window is exceeded, every answer is whole, and the pieces in which it is heard change nothing', () => {
  const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(16_384, 20_000)), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), pieces, (moves, sizes) => {
      const [smooth, torn] = [new Model(whole), new Model(cutBy(sizes))];
      for (const model of [smooth, torn]) {
        for (const each of moves) {
          model.move(each);
          expect(model.isWithinWindow()).toBe(true);
        }
        model.finish();
      }
      expect(torn.said).toEqual(smooth.said);
    }),
    { seed: Number(process.env['COFFRE_SEED']), numRuns: 150 },
  );
});
