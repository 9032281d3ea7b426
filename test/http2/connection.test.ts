/** What one client may do to a connection, frame by frame: what is answered, what ends a stream, and what ends it all. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { errorCode } from '../../src/http2/error-code.ts';
import { fieldBlock } from '../../src/http2/field-block.ts';
import { frame, frameType, resetFrame, settingsFrame, windowUpdateFrame } from '../../src/http2/frame.ts';
import { setting } from '../../src/http2/settings.ts';
import {
  callBlock,
  data,
  framesIn,
  greeting,
  headers,
  limits,
  preface,
  RawServer,
  type SentFrame,
  word,
} from './raw-client.ts';

const head = fieldBlock([[':status', '200']]);
const trailers = fieldBlock([['grpc-status', '0']]);
const nothing = Buffer.alloc(0);
const settingsAck = { type: frameType.settings, flags: 1, stream: 0, payload: nothing };

/** A server that has heard the greeting, and whose own is not looked at. */
function greeted(
  of: Parameters<typeof settingsFrame>[0] = [],
  bounds: ConstructorParameters<typeof RawServer>[0] = {},
) {
  const server = new RawServer(bounds);
  server.hear(preface, settingsFrame(of));
  return server;
}

function types(frames: readonly SentFrame[]): readonly number[] {
  return frames.map(({ type }) => type);
}

test('a client is told the bounds, and its settings are acknowledged', () => {
  const [settings, window, ack] = new RawServer().hear(greeting);
  const entries = [3, limits.concurrentStreamsMax, 4, limits.bodyBytesMax + 16_384, 6, limits.fields.bytesMax];
  const told = [0, 1, 2].flatMap((at) => [
    settings?.payload.readUInt16BE(6 * at) ?? 0,
    settings?.payload.readUInt32BE(6 * at + 2) ?? 0,
  ]);
  expect(told).toEqual(entries);
  expect(window).toMatchObject({ type: frameType.windowUpdate, stream: 0 });
  expect(65_535 + (window?.payload.readUInt32BE() ?? 0)).toBe(limits.partialBytesMax);
  expect(ack).toEqual(settingsAck);
});

test('a request is heard the same in whatever pieces it comes', () => {
  const bytes = Buffer.concat([
    greeting,
    headers(1, 0x4),
    data(1, 0, 'hel'),
    data(1, 1, 'lo'),
    headers(3, 0, callBlock.subarray(0, 2)),
    frame(frameType.continuation, 4, 3, callBlock.subarray(2)),
    data(3, 9, Buffer.concat([Buffer.from([2]), Buffer.from('padded'), Buffer.alloc(2)])),
    headers(5, 0x25, Buffer.concat([Buffer.alloc(5), callBlock])),
  ]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 }), (sizes) => {
      const server = new RawServer();
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        server.connection.take(Buffer.from(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(server.whole).toEqual([1, 3, 5]);
      expect(Object.fromEntries(server.bodies)).toEqual({ 1: 'hello', 3: 'padded' });
    }),
    { seed: Number(process.env['COFFRE_SEED']), numRuns: 100 },
  );
});

test('a response is HEADERS, DATA and trailers, and the first block says that our table is empty', () => {
  const server = greeted();
  server.hear(headers(1), headers(3));
  for (const id of [1, 3]) server.stream(id).respond(head, Buffer.from('yes'), trailers);
  const sent = server.written();
  expect(sent.map(({ type, flags, stream }) => [type, flags, stream])).toEqual(
    [1, 3].flatMap((id) => [
      [frameType.headers, 0x4, id],
      [frameType.data, 0x0, id],
      [frameType.headers, 0x5, id],
    ]),
  );
  expect(sent[0]?.payload).toEqual(Buffer.concat([Buffer.from([0x20]), head]));
  expect(sent[3]?.payload).toEqual(head);
});

test('a client that sets its table anew is told again that ours is empty', () => {
  const server = greeted();
  server.hear(headers(1), headers(3));
  server.stream(1).respond(head, nothing, trailers);
  server.hear(settingsFrame([[setting.headerTableSize, 0]]));
  server.stream(3).respond(head, nothing, trailers);
  expect(server.written()[0]?.payload[0]).toBe(0x20);
});

test('a response goes out as far as the windows of stream and connection let it, and then on', () => {
  const server = greeted([[setting.initialWindowSize, 4]]);
  server.hear(headers(1));
  server.stream(1).respond(head, Buffer.from('0123456789'), trailers);
  const said = () =>
    server
      .written()
      .map(({ type, payload }) => (type === frameType.data ? payload.toString() : type))
      .filter((each) => each !== frameType.settings);
  expect(said()).toEqual([frameType.headers, '0123']);
  server.hear(windowUpdateFrame(1, 2));
  server.stream(1).flush();
  server.connection.take(settingsFrame([[setting.initialWindowSize, 0]]));
  server.connection.take(windowUpdateFrame(1, 4)); // narrower by 4, then wider by 4: nothing may be sent
  expect(said()).toEqual([]);
  server.connection.take(settingsFrame([[setting.initialWindowSize, 3]]));
  expect(said()).toEqual(['678']);
  server.connection.take(windowUpdateFrame(1, 100));
  expect(said()).toEqual(['9', frameType.headers]);
});

test('a large response is cut into frames that everybody takes, and waits for the window of the connection', () => {
  const server = greeted([[setting.initialWindowSize, 1_000_000]]);
  server.hear(headers(1));
  server.stream(1).respond(head, Buffer.alloc(100_000), trailers);
  const sizes = (frames: readonly SentFrame[]) =>
    frames.filter(({ type }) => type === frameType.data).map(({ payload }) => payload.length);
  expect(sizes(server.written())).toEqual([16_384, 16_384, 16_384, 16_383]);
  const rest = server.hear(windowUpdateFrame(0, 1_000_000));
  expect(sizes(rest)).toEqual([16_384, 16_384, 1_697]);
  expect(rest.at(-1)).toMatchObject({ type: frameType.headers, flags: 0x5 });
});

test('a response that its client does not take is given up, and one that it takes in time is not', () => {
  const server = greeted([[setting.initialWindowSize, 2]]);
  server.hear(headers(1), headers(3));
  server.stream(1).respond(head, Buffer.from('yes'), trailers);
  server.nowMs = 3_000;
  server.stream(3).respond(head, Buffer.from('yes'), trailers);
  server.written();
  server.nowMs = 5_001;
  server.connection.dropStalled();
  expect(server.written()).toEqual([{ type: frameType.reset, flags: 0, stream: 1, payload: word(errorCode.cancel) }]);
  expect(types(server.hear(windowUpdateFrame(3, 1)))).toEqual([frameType.data, frameType.headers]);
  server.nowMs = 60_000;
  server.connection.dropStalled();
  expect(server.aborted).toEqual([1]);
});

test('a response without a body goes out through a window that is below nothing, and does not widen it', () => {
  const server = greeted([[setting.initialWindowSize, 10]]);
  server.hear(headers(1), headers(3));
  for (const id of [1, 3]) server.stream(id).headers(head, false);
  server.stream(1).write(Buffer.alloc(10));
  server.hear(settingsFrame([[setting.initialWindowSize, 0]]));
  server.written();
  server.stream(1).write(nothing);
  expect(server.written()).toEqual([{ type: frameType.data, flags: 0, stream: 1, payload: nothing }]);
  expect(server.stream(1).sendWindow).toBe(-10);
  server.hear(windowUpdateFrame(3, 100_000));
  server.stream(3).write(Buffer.alloc(100_000));
  const sent = server.written().reduce((bytes, { payload }) => bytes + payload.length, 0);
  expect(sent).toBe(65_535 - 10); // what is left of the connection's
});

test('trailers, too, say that our table is empty where they come first after its size was set', () => {
  const server = greeted([[setting.initialWindowSize, 0]]);
  server.hear(headers(1));
  server.stream(1).respond(head, Buffer.from('yes'), trailers);
  const last = server.hear(
    settingsFrame([
      [setting.headerTableSize, 0],
      [setting.initialWindowSize, 3],
    ]),
  );
  expect(last.at(-1)?.payload).toEqual(Buffer.concat([Buffer.from([0x20]), trailers]));
});

test('a whole request that is answered as soon as it is heard is not reset', () => {
  const server = new RawServer({}, (stream) => stream.headers(trailers, true));
  server.hear(greeting);
  expect(types(server.hear(headers(1)))).toEqual([frameType.headers]);
});

test('an answer before the request is whole ends the request too', () => {
  const server = greeted();
  server.hear(headers(1, 0x4));
  server.stream(1).headers(trailers, true);
  expect(server.written().at(-1)).toEqual({
    type: frameType.reset,
    flags: 0,
    stream: 1,
    payload: word(errorCode.none),
  });
  expect(server.hear(data(1, 1, 'late'))).toEqual([]);
});

test('the window of the connection is given back when a call is whole, and not while it is not', () => {
  const server = greeted();
  server.hear(headers(1, 0x4));
  const pieces = [1, 2, 3].map(() => data(1, 0, Buffer.alloc(16_000)));
  expect(server.hear(...pieces)).toEqual([]);
  expect(server.hear(data(1, 1, ''))).toEqual([
    { type: frameType.windowUpdate, flags: 0, stream: 0, payload: word(48_000) },
  ]);
});

test('the window of the connection is given back when a call is reset', () => {
  const server = greeted();
  server.hear(headers(1, 0x4), data(1, 0, Buffer.alloc(16_000)));
  expect(types(server.hear(resetFrame(1, errorCode.cancel)))).toEqual([frameType.windowUpdate]);
  expect(server.aborted).toEqual([1]);
});

test('a PING is answered, and an answer to ours is heard', () => {
  const server = greeted();
  const payload = Buffer.from('12345678');
  expect(server.hear(frame(frameType.ping, 0, 0, payload))).toEqual([
    { type: frameType.ping, flags: 1, stream: 0, payload },
  ]);
  server.connection.ping();
  const [asked] = server.written();
  server.hear(frame(frameType.ping, 1, 0, payload));
  expect(server.pings).toBe(0);
  server.hear(frame(frameType.ping, 1, 0, asked?.payload ?? nothing));
  expect(server.pings).toBe(1);
});

test('a frame of a kind that is not known, a PRIORITY and trailers are passed over', () => {
  const server = greeted();
  server.hear(frame(0x42, 0xff, 9, Buffer.from('who knows')), frame(frameType.priority, 0, 9, Buffer.alloc(5)));
  server.hear(headers(1, 0x4), data(1, 0, 'hello'), headers(1, 0x5, fieldBlock([['x-checksum', '1']])));
  expect(server.whole).toEqual([1]);
});

test('a connection that ends answers what is open, takes nothing new, and says when it is done', () => {
  const server = greeted();
  server.hear(headers(1));
  server.connection.announceEnd();
  server.connection.take(headers(3));
  server.connection.finish();
  expect(server.written().map(({ payload }) => payload.readUInt32BE())).toEqual([2 ** 31 - 1, 3]);
  expect(server.hear(headers(5, 0x4), data(5, 1, 'hello'))).toEqual([]);
  expect(server.streams.map(({ id }) => id)).toEqual([1, 3]);
  server.stream(1).respond(head, nothing, trailers);
  expect(server.isFinished).toBe(false);
  server.stream(3).respond(head, nothing, trailers);
  expect(server.isFinished).toBe(true);
});

test('who breaks the protocol at the end is not told of more streams than before', () => {
  const server = greeted();
  server.hear(headers(1));
  server.connection.finish();
  const said = server.hear(headers(3), headers(2)).filter(({ type }) => type === frameType.goaway);
  expect(said.map(({ payload }) => payload.readUInt32BE())).toEqual([1, 1]);
});

test('a connection ends also behind the last stream that there can be, and says nothing after it', () => {
  const server = greeted();
  const last = 2 ** 31 - 1;
  server.hear(headers(last));
  server.connection.finish();
  server.written();
  expect(server.isFinished).toBe(false);
  expect(types(server.hear(resetFrame(last, errorCode.cancel), frame(frameType.ping, 0, 0, Buffer.alloc(8))))).toEqual(
    [],
  );
  expect(server.isFinished).toBe(true);
});

test('a stream that must be reset is, before its connection ends with it', () => {
  const server = greeted();
  server.hear(headers(1));
  server.connection.finish();
  server.written();
  expect(types(server.hear(data(1, 1, 'more')))).toEqual([frameType.reset]);
  expect(server.isFinished).toBe(true);
});

test('a socket that goes away aborts what is open, and an answer to it is dropped', () => {
  const server = greeted();
  server.hear(headers(1), headers(3, 0x4));
  server.connection.abandon();
  expect(server.aborted).toEqual([1, 3]);
  server.stream(1).respond(head, Buffer.from('late'), trailers);
  expect(server.written()).toEqual([]);
});

const inserted = (block: Buffer) => Buffer.concat([callBlock, block]);

/** Each ends one stream and leaves the connection as it is. */
const streamErrors: readonly (readonly [sentence: string, code: number, ...frames: Buffer[]])[] = [
  ['a name in upper case', errorCode.protocol, headers(1, 0x5, inserted(Buffer.from([0, 1, 0x41, 0])))],
  ['more fields than the bound', errorCode.enhanceYourCalm, headers(1, 0x5, Buffer.alloc(17, 0x82))],
  [
    'a field block beyond the bound',
    errorCode.enhanceYourCalm,
    headers(1, 0x5, fieldBlock([['x', 'x'.repeat(4_096)]])),
  ],
  ['DATA behind the end', errorCode.streamClosed, headers(1), data(1, 0, 'more')],
  ['HEADERS behind the end', errorCode.streamClosed, headers(1), headers(1)],
  ['trailers that are not the end', errorCode.protocol, headers(1, 0x4), headers(1, 0x4)],
  ['a window of a stream wider by nothing', errorCode.protocol, headers(1, 0x4), windowUpdateFrame(1, 0)],
  ['a window of a stream that overflows', errorCode.flowControl, headers(1, 0x4), windowUpdateFrame(1, 2 ** 31 - 1)],
];
test.for(streamErrors)('%s ends the stream and nothing else', ([, code, ...frames]) => {
  const server = greeted();
  expect(server.hear(...frames).at(-1)).toMatchObject({ type: frameType.reset, stream: 1, payload: word(code) });
  server.hear(headers(3));
  expect(server.whole).toContain(3);
});

test('a stream beyond the bound is refused, and there is room again when one ends', () => {
  const server = greeted();
  const ids = Array.from({ length: limits.concurrentStreamsMax }, (_, at) => 2 * at + 1);
  expect(server.hear(...ids.map((id) => headers(id)))).toEqual([]);
  expect(server.hear(headers(101))).toMatchObject([{ type: frameType.reset, payload: word(errorCode.refusedStream) }]);
  server.stream(1).respond(head, nothing, trailers);
  server.hear(headers(103));
  expect(server.whole).toContain(103);
});

const settings = (id: number, value: number) => settingsFrame([[id, value]]);
const many = (count: number, bytes: Buffer) => Array.from({ length: count }, () => bytes);

/** Each ends the connection: a GOAWAY with this code is the last that it says. Sections are of RFC 9113. */
const connectionErrors: readonly (readonly [sentence: string, code: number, ...bytes: Buffer[]])[] = [
  ['a frame before SETTINGS (3.4)', errorCode.protocol, preface, headers(1)],
  ['something else than HTTP/2 (3.4)', errorCode.protocol, Buffer.from('GET / HTTP/1.1\r\nHost: coffre\r\n\r\n')],
  ['a frame beyond its bound (4.2)', errorCode.frameSize, greeting, Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1])],
  ['a field block that cannot be read (4.3)', errorCode.compression, greeting, headers(1, 0x5, Buffer.from([0x80]))],
  ['an even stream (5.1.1)', errorCode.protocol, greeting, headers(2)],
  ['DATA on stream 0 (6.1)', errorCode.protocol, greeting, data(0, 0, 'x')],
  ['DATA on a stream that never was (6.1)', errorCode.protocol, greeting, data(7, 0, 'x')],
  ['padding longer than DATA (6.1)', errorCode.protocol, greeting, headers(1, 0x4), data(1, 8, Buffer.from([9, 1]))],
  ['padding without a length (4.2)', errorCode.frameSize, greeting, headers(1, 0x4), data(1, 8, nothing)],
  ['HEADERS on stream 0 (6.2)', errorCode.protocol, greeting, headers(0)],
  ['a priority cut short (4.2)', errorCode.frameSize, greeting, headers(1, 0x25, Buffer.alloc(3))],
  ['PRIORITY of a wrong size (6.3)', errorCode.frameSize, greeting, frame(2, 0, 1, Buffer.alloc(4))],
  ['PRIORITY on stream 0 (6.3)', errorCode.protocol, greeting, frame(2, 0, 0, Buffer.alloc(5))],
  ['RST_STREAM of a wrong size (6.4)', errorCode.frameSize, greeting, headers(1, 0x4), frame(3, 0, 1, nothing)],
  ['RST_STREAM of a stream that never was (6.4)', errorCode.protocol, greeting, resetFrame(9, errorCode.cancel)],
  ['SETTINGS on a stream (6.5)', errorCode.protocol, greeting, frame(4, 0, 1, nothing)],
  ['SETTINGS of a wrong size (6.5)', errorCode.frameSize, greeting, frame(4, 0, 0, Buffer.alloc(5))],
  ['an acknowledgement with settings (6.5)', errorCode.frameSize, greeting, frame(4, 1, 0, Buffer.alloc(6))],
  ['ENABLE_PUSH of 2 (6.5.2)', errorCode.protocol, greeting, settings(setting.enablePush, 2)],
  ['INITIAL_WINDOW_SIZE beyond its bound (6.5.2)', errorCode.flowControl, greeting, settings(4, 2 ** 31)],
  ['MAX_FRAME_SIZE below its bound (6.5.2)', errorCode.protocol, greeting, settings(setting.maxFrameSize, 16_383)],
  ['MAX_FRAME_SIZE beyond its bound (6.5.2)', errorCode.protocol, greeting, settings(setting.maxFrameSize, 2 ** 24)],
  ['PUSH_PROMISE (8.4)', errorCode.protocol, greeting, frame(5, 4, 1, Buffer.alloc(4))],
  ['PING of a wrong size (6.7)', errorCode.frameSize, greeting, frame(6, 0, 0, Buffer.alloc(7))],
  ['PING on a stream (6.7)', errorCode.protocol, greeting, frame(6, 0, 1, Buffer.alloc(8))],
  ['GOAWAY on a stream (6.8)', errorCode.protocol, greeting, frame(7, 0, 1, Buffer.alloc(8))],
  ['WINDOW_UPDATE of a wrong size (6.9)', errorCode.frameSize, greeting, frame(8, 0, 0, Buffer.alloc(3))],
  ['WINDOW_UPDATE of a stream that never was (6.9)', errorCode.protocol, greeting, windowUpdateFrame(9, 1)],
  ['the window of the connection wider by nothing (6.9)', errorCode.protocol, greeting, windowUpdateFrame(0, 0)],
  [
    'the window of the connection overflows (6.9.1)',
    errorCode.flowControl,
    greeting,
    windowUpdateFrame(0, 2 ** 31 - 1),
  ],
  [
    'a window of a stream overflows by settings (6.9.2)',
    errorCode.flowControl,
    ...[greeting, headers(1), windowUpdateFrame(1, 2 ** 31 - 1 - 65_535), settings(4, 65_536)],
  ],
  ['a frame between HEADERS and CONTINUATION (6.10)', errorCode.protocol, greeting, headers(1, 0), settingsFrame([])],
  ['CONTINUATION without HEADERS (6.10)', errorCode.protocol, greeting, frame(9, 4, 1, callBlock)],
  ['CONTINUATION of another stream (6.10)', errorCode.protocol, greeting, headers(1, 0), frame(9, 4, 3, callBlock)],
  ['empty CONTINUATIONs', errorCode.enhanceYourCalm, greeting, headers(1, 0), ...many(8, frame(9, 0, 1, nothing))],
  [
    'CONTINUATIONs beyond the bound',
    errorCode.enhanceYourCalm,
    ...[greeting, headers(1, 0), ...many(3, frame(9, 0, 1, Buffer.alloc(2_000, 0x82)))],
  ],
  ['PINGs without end', errorCode.enhanceYourCalm, greeting, ...many(20, frame(6, 0, 0, Buffer.alloc(8)))],
  ['SETTINGS without end', errorCode.enhanceYourCalm, greeting, ...many(20, settingsFrame([]))],
  ['PRIORITYs without end', errorCode.enhanceYourCalm, greeting, ...many(20, frame(2, 0, 1, Buffer.alloc(5)))],
  ['unknown frames without end', errorCode.enhanceYourCalm, greeting, ...many(20, frame(0x42, 0, 0, nothing))],
  ['windows wider by one without end', errorCode.enhanceYourCalm, greeting, ...many(20, windowUpdateFrame(0, 1))],
  ['empty DATA without end', errorCode.enhanceYourCalm, greeting, headers(1, 0x4), ...many(20, data(1, 0, nothing))],
  [
    'DATA for a stream that is over, without end',
    errorCode.enhanceYourCalm,
    ...[greeting, headers(1), resetFrame(1, errorCode.cancel), ...many(20, data(1, 0, 'x'))],
  ],
  [
    'calls that are begun and reset without end',
    errorCode.enhanceYourCalm,
    ...[
      greeting,
      ...many(11, nothing).flatMap((_, at) => [headers(2 * at + 1), resetFrame(2 * at + 1, errorCode.cancel)]),
    ],
  ],
  [
    'calls that must be reset without end',
    errorCode.enhanceYourCalm,
    ...[greeting, ...many(11, nothing).map((_, at) => headers(2 * at + 1, 0x5, Buffer.from([0, 1, 0x41, 0])))],
  ],
  [
    'more DATA than the window of the connection',
    errorCode.flowControl,
    ...[greeting, headers(1, 0x4), ...many(4, data(1, 0, Buffer.alloc(16_384)))],
    ...[headers(3, 0x4), ...many(3, data(3, 0, Buffer.alloc(16_384)))],
  ],
  [
    'windows of many streams that are set without end',
    errorCode.enhanceYourCalm,
    ...[greeting, ...many(8, nothing).map((_, at) => headers(2 * at + 1)), ...many(17, settings(4, 9))],
  ],
  [
    'a window of the connection that is widened for many streams without end',
    errorCode.enhanceYourCalm,
    ...[greeting, ...many(8, nothing).map((_, at) => headers(2 * at + 1)), ...many(17, windowUpdateFrame(0, 9))],
  ],
];
test.for(connectionErrors)('%s ends the connection', ([, code, ...bytes]) => {
  const server = new RawServer();
  const last = server.hear(...bytes).at(-1);
  expect(last?.type).toBe(frameType.goaway);
  expect(last?.payload.readUInt32BE(4)).toBe(code);
  expect(server.isFinished).toBe(true);
  expect(server.hear(headers(99))).toEqual([]);
  expect(server.streams.filter((stream) => !stream.isOver)).toEqual([]);
});

test('a client that takes its time may send as many frames as it likes', () => {
  const server = greeted();
  for (let turn = 0; turn < 100; turn += 1) {
    server.nowMs += 1_000;
    server.hear(
      ...many(9, frame(frameType.ping, 0, 0, Buffer.alloc(8))),
      headers(2 * turn + 1),
      resetFrame(2 * turn + 1, 8),
    );
  }
  expect(server.isFinished).toBe(false);
});

test('whatever bytes come, a connection never throws, and writes whole frames until its end', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc
      .record({
        type: fc.nat({ max: 10 }),
        flags: fc.nat({ max: 255 }),
        stream: fc.nat({ max: 9 }),
        payload: fc.uint8Array({ maxLength: 40 }),
      })
      .map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload)),
    fc.constantFrom(
      headers(1),
      headers(3, 0x4),
      headers(5, 0x4),
      data(3, 1, 'x'),
      settings(4, 3),
      windowUpdateFrame(0, 9),
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.nat({ max: 40 }), (pieces, end) => {
      const server = greeted();
      for (const [turn, bytes] of pieces.entries()) {
        if (turn === end) server.connection.finish();
        for (const { type } of server.hear(bytes)) expect(type).toBeLessThanOrEqual(9);
        const open = server.streams.filter((stream) => !stream.isOver);
        expect(open.length).toBeLessThanOrEqual(limits.concurrentStreamsMax);
        if (server.isFinished) expect(open).toEqual([]);
        open.find(({ isWhole }) => isWhole)?.respond(head, Buffer.from('yes'), trailers);
      }
    }),
    { seed: Number(process.env['COFFRE_SEED']), numRuns: 500 },
  );
});

test('frames are read back as they were written', () => {
  expect(framesIn(frame(6, 1, 2 ** 31 - 1, Buffer.from('x')))).toEqual([
    { type: 6, flags: 1, stream: 2 ** 31 - 1, payload: Buffer.from('x') },
  ]);
});
