/**
 * The protocol, section by section: what a client sends, and what must come of it. Numbers and titles are those of h2spec 2.6
 * (summerwind/h2spec), where it has the case; a letter instead of its last number marks a case of ours. Where RFC 9113 has
 * changed what RFC 7540 said, and h2spec with it, a remark says so.
 */
import { expect, test } from 'vitest';
import { errorCode } from '../../src/http2/error-code.ts';
import { fieldBlock } from '../../src/http2/field-block.ts';
import { frame, frameType, resetFrame, settingsFrame, windowUpdateFrame } from '../../src/http2/frame.ts';
import { callBlock, data, greeting, headers, preface, RawServer, word } from './raw-client.ts';

/** What comes of it; of streams it is always the first. */
type Outcome =
  /** GOAWAY, and the end. */
  | { readonly kind: 'connection'; readonly code: number }
  /** RST_STREAM, and everything else goes on. */
  | { readonly kind: 'stream'; readonly code: number }
  /** The request is heard as a whole, and has this body. */
  | { readonly kind: 'request'; readonly body: string }
  /** Nothing, beside what each frame asks for by itself. */
  | { readonly kind: 'passed-over' };

const ends = (code: keyof typeof errorCode): Outcome => ({ kind: 'connection', code: errorCode[code] });
const resets = (code: keyof typeof errorCode): Outcome => ({ kind: 'stream', code: errorCode[code] });
const heard = (body = ''): Outcome => ({ kind: 'request', body });
const passed: Outcome = { kind: 'passed-over' };

const { continuation, goaway, ping, priority, pushPromise, reset, settings, windowUpdate } = frameType;
const nothing = Buffer.alloc(0);
const eight = Buffer.from('12345678');
const [method, scheme, path] = [0x83, 0x87, 0x84].map((byte) => Buffer.from([byte])) as [Buffer, Buffer, Buffer];
const block = (...parts: readonly (Buffer | readonly [string, string])[]) =>
  Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : fieldBlock([part as readonly [string, string]]))));
const call = block(method, scheme, path);
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const ofLength = (length: number) => headers(1, 0x4, block(call, ['content-length', String(length)]));
const dependency = (on: number, weight: number) => Buffer.concat([word(on), Buffer.from([weight])]);
const begun = headers(1, 0x4);
const open = headers(1, 0x0, callBlock.subarray(0, 3));
const rest = (id = 1, flags = 0x4) => frame(continuation, flags, id, callBlock.subarray(3));

const cases: readonly (readonly [number: string, title: string, outcome: Outcome, ...frames: readonly Buffer[]])[] = [
  ['generic 2/1', 'PRIORITY on an idle stream', passed, frame(priority, 0, 1, dependency(0, 1))],
  ['generic 2/2', 'WINDOW_UPDATE on a half-closed stream', heard(), headers(1), windowUpdateFrame(1, 1)],
  ['generic 2/3', 'PRIORITY on a half-closed stream', heard(), headers(1), frame(priority, 0, 1, dependency(0, 1))],
  ['generic 2/4', 'RST_STREAM on a half-closed stream', heard(), headers(1), resetFrame(1, errorCode.cancel)],
  [
    'generic 2/5',
    'PRIORITY on a closed stream',
    heard(),
    headers(1),
    resetFrame(1, 8),
    frame(2, 0, 1, dependency(0, 1)),
  ],
  ['generic 3.1/1', 'DATA', heard('x'), begun, data(1, 1, 'x')],
  ['generic 3.1/2', 'DATA more than once', heard('xy'), begun, data(1, 0, 'x'), data(1, 1, 'y')],
  ['generic 3.1/3', 'DATA with padding', heard('x'), begun, data(1, 9, hex('02 78 0000'))],
  ['generic 3.2/1', 'HEADERS', heard(), headers(1)],
  ['generic 3.2/2', 'HEADERS with padding', heard(), headers(1, 0xd, block(hex('03'), callBlock, Buffer.alloc(3)))],
  ['generic 3.2/3', 'HEADERS with priority', heard(), headers(1, 0x25, block(dependency(0, 255), callBlock))],
  [
    ...(['generic 3.2/a', 'HEADERS with padding and priority', heard()] as const),
    headers(1, 0x2d, block(hex('01'), dependency(0, 255), callBlock, hex('00'))),
  ],
  ['generic 3.3/4', 'PRIORITY with an exclusive flag', passed, frame(priority, 0, 1, dependency(0x8000_0003, 255))],
  ['generic 3.10/1', 'CONTINUATION', heard(), headers(1, 0x1, callBlock.subarray(0, 3)), rest()],
  [
    'generic 3.10/2',
    'CONTINUATION more than once',
    heard(),
    headers(1, 0x1, nothing),
    frame(9, 0, 1, callBlock.subarray(0, 3)),
    rest(),
  ],
  ['generic 4/4', 'trailers', heard('x'), begun, data(1, 0, 'x'), headers(1, 0x5, block(['x-sum', '1']))],

  ['4.1/1', 'a frame of a type that is not known', passed, frame(0xee, 0, 0, eight)],
  ['4.1/2', 'PING with flags that are not known', passed, frame(ping, 0x16, 0, eight)],
  ['4.1/3', 'PING with the reserved bit', passed, frame(ping, 0, 2 ** 31, eight)],
  ['4.2/1', 'DATA of 16,384 bytes', heard('x'.repeat(16_384)), begun, data(1, 1, 'x'.repeat(16_384))],
  ['4.2/2', 'DATA that is larger', ends('frameSize'), begun, data(1, 1, 'x'.repeat(16_385))],
  ['4.2/3', 'HEADERS that are larger', ends('frameSize'), headers(1, 0x5, Buffer.alloc(16_385, 0x82))],
  ['4.2/a', 'DATA too short for its padding', ends('frameSize'), begun, data(1, 0x8, nothing)],
  ['4.2/b', 'HEADERS too short for their priority', ends('frameSize'), headers(1, 0x25, Buffer.alloc(4))],
  ['4.3/1', 'a block that cannot be read', ends('compression'), headers(1, 0x5, hex('ffff'))],
  ['4.3/2', 'PRIORITY within a block', ends('protocol'), open, frame(priority, 0, 1, dependency(0, 1)), rest()],
  ['4.3/3', 'HEADERS of another stream within a block', ends('protocol'), open, headers(3), rest()],

  ['5.1/1', 'DATA on an idle stream', ends('protocol'), data(1, 1, 'x')],
  ['5.1/2', 'RST_STREAM on an idle stream', ends('protocol'), resetFrame(1, errorCode.cancel)],
  ['5.1/3', 'WINDOW_UPDATE on an idle stream', ends('protocol'), windowUpdateFrame(1, 100)],
  ['5.1/4', 'CONTINUATION on an idle stream', ends('protocol'), rest()],
  ['5.1/5', 'DATA on a half-closed stream', resets('streamClosed'), headers(1), data(1, 1, 'x')],
  ['5.1/6', 'HEADERS on a half-closed stream', resets('streamClosed'), headers(1), headers(1)],
  ['5.1/7', 'CONTINUATION on a half-closed stream', ends('protocol'), headers(1), rest()],
  // h2spec wants an error. RFC 9113 says MAY (5.1), and what we have ended ourselves its client may not know yet.
  ['5.1/11', 'DATA on a closed stream', heard(), headers(1), resetFrame(1, 8), data(1, 1, 'x')],
  ['5.1/12', 'HEADERS on a closed stream', heard(), headers(1), resetFrame(1, 8), headers(1)],
  ['5.1/13', 'CONTINUATION on a closed stream', ends('protocol'), headers(1), resetFrame(1, 8), rest()],
  ['5.1/a', 'DATA on a stream of ours', ends('protocol'), headers(5), data(2, 1, 'x')],
  ['5.1/b', 'RST_STREAM on a stream of ours', ends('protocol'), headers(5), resetFrame(4, errorCode.cancel)],
  ['5.1/c', 'WINDOW_UPDATE on a stream of ours', ends('protocol'), headers(5), windowUpdateFrame(2, 1)],
  ['5.1.1/1', 'an even stream', ends('protocol'), headers(2)],
  // RFC 9113 wants an error, and nghttp2 passes over it as we do: trailers of a stream that we have reset look the same.
  ['5.1.1/2', 'a stream smaller than the one before', heard(), headers(5), headers(3)],
  // Priorities are deprecated: RFC 9113, section 5.3.2.
  ['5.3.1/1', 'HEADERS that depend on themselves', heard(), headers(1, 0x25, block(dependency(1, 255), callBlock))],
  ['5.5/1', 'an extension frame', passed, frame(0x16, 0, 0, eight)],
  ['5.5/2', 'an extension frame within a block', ends('protocol'), open, frame(0x16, 0, 0, eight), rest()],

  ['6.1/1', 'DATA on stream 0', ends('protocol'), data(0, 1, 'x')],
  ['6.1/3', 'DATA with too much padding', ends('protocol'), begun, data(1, 9, hex('06 5465 7374'))],
  ['6.1/a', 'DATA of nothing but padding', heard(), begun, data(1, 9, hex('03 000000'))],
  ['6.2/3', 'HEADERS on stream 0', ends('protocol'), headers(0)],
  ['6.2/4', 'HEADERS with too much padding', ends('protocol'), headers(1, 0xd, block(hex('ff'), callBlock))],
  ['6.3/1', 'PRIORITY on stream 0', ends('protocol'), frame(priority, 0, 0, dependency(0, 255))],
  [
    '6.3/2',
    'PRIORITY that is no 5 bytes long',
    ends('frameSize'),
    headers(1),
    frame(priority, 0, 1, word(0x8000_0001)),
  ],
  ['6.4/1', 'RST_STREAM on stream 0', ends('protocol'), resetFrame(0, errorCode.cancel)],
  ['6.4/3', 'RST_STREAM that is no 4 bytes long', ends('frameSize'), headers(1), frame(reset, 0, 1, hex('000000'))],
  ['6.5/1', 'an acknowledgement with a payload', ends('frameSize'), frame(settings, 1, 0, hex('00')), headers(1)],
  ['6.5/2', 'SETTINGS on a stream', ends('protocol'), frame(settings, 0, 1, hex('0003 0000 0064'))],
  ['6.5/3', 'SETTINGS of no whole entries', ends('frameSize'), frame(settings, 0, 0, hex('000300'))],
  ['6.5.2/1', 'ENABLE_PUSH of 2', ends('protocol'), settingsFrame([[2, 2]])],
  ['6.5.2/2', 'INITIAL_WINDOW_SIZE of 2^31', ends('flowControl'), settingsFrame([[4, 2 ** 31]])],
  ['6.5.2/3', 'MAX_FRAME_SIZE of 16,383', ends('protocol'), settingsFrame([[5, 16_383]])],
  ['6.5.2/4', 'MAX_FRAME_SIZE of 2^24', ends('protocol'), settingsFrame([[5, 2 ** 24]])],
  ['6.5.2/5', 'a setting that is not known', passed, settingsFrame([[0xff, 1]])],
  ['6.7/2', 'an acknowledgement of no PING of ours', passed, frame(ping, 1, 0, eight)],
  ['6.7/3', 'PING on a stream', ends('protocol'), frame(ping, 0, 1, eight)],
  ['6.7/4', 'PING that is no 8 bytes long', ends('frameSize'), frame(ping, 0, 0, hex('000000000000'))],
  ['6.8/1', 'GOAWAY on a stream', ends('protocol'), frame(goaway, 0, 1, eight)],
  ['6.8/a', 'GOAWAY that is too short', ends('frameSize'), frame(goaway, 0, 0, word(0))],
  ['6.9/1', 'WINDOW_UPDATE by 0', ends('protocol'), windowUpdateFrame(0, 0)],
  ['6.9/2', 'WINDOW_UPDATE of a stream by 0', resets('protocol'), begun, windowUpdateFrame(1, 0)],
  ['6.9/3', 'WINDOW_UPDATE that is no 4 bytes long', ends('frameSize'), frame(windowUpdate, 0, 0, hex('000001'))],
  [
    '6.9.1/2',
    'a window that overflows',
    ends('flowControl'),
    ...[0, 0].map((id) => windowUpdateFrame(id, 2 ** 31 - 1)),
  ],
  ['6.9.1/3', 'a window of a stream that overflows', resets('flowControl'), begun, windowUpdateFrame(1, 2 ** 31 - 1)],
  [
    ...(['6.9.1/a', 'more DATA than the window of a stream', resets('flowControl'), begun] as const),
    ...Array.from({ length: 5 }, () => data(1, 0, Buffer.alloc(16_384))),
  ],
  ['6.10/2', 'CONTINUATION, and then something else', ends('protocol'), open, frame(9, 0, 1, nothing), data(1, 1, 'x')],
  ['6.10/3', 'CONTINUATION on stream 0', ends('protocol'), open, rest(0)],
  ['6.10/4', 'CONTINUATION behind the end of HEADERS', ends('protocol'), headers(1), rest()],
  ['6.10/5', 'CONTINUATION behind the end of another one', ends('protocol'), open, rest(), rest()],
  ['6.10/6', 'CONTINUATION behind DATA', ends('protocol'), begun, data(1, 1, 'x'), rest()],
  ['7/1', 'GOAWAY with a code that is not known', passed, frame(goaway, 0, 0, Buffer.concat([word(0), word(0xff)]))],
  ['7/2', 'RST_STREAM with a code that is not known', heard(), headers(1), frame(reset, 0, 1, word(0xff))],

  ['8.1/1', 'HEADERS behind DATA that are not the end', resets('protocol'), begun, data(1, 0, 'x'), headers(1, 0x4)],
  ['8.1.2/1', 'a name in upper case', resets('protocol'), headers(1, 0x5, block(call, ['X-TEST', 'ok']))],
  ['8.1.2/a', 'a name with a colon inside', resets('protocol'), headers(1, 0x5, block(call, ['x:test', 'ok']))],
  ['8.1.2/b', 'a name that is empty', resets('protocol'), headers(1, 0x5, block(call, ['', 'ok']))],
  ['8.1.2/c', 'a value with a line break', resets('protocol'), headers(1, 0x5, block(call, ['x', 'a\r\nb: c']))],
  ['8.1.2/d', 'a value that ends with a blank', resets('protocol'), headers(1, 0x5, block(call, ['x', 'a ']))],
  ['8.1.2/e', 'a trailer in upper case', resets('protocol'), begun, headers(1, 0x5, block(['X-SUM', 'ok']))],
  ['8.1.2.1/1', 'a pseudo-header that is not known', resets('protocol'), headers(1, 0x5, block(call, [':test', 'ok']))],
  ['8.1.2.1/2', 'a pseudo-header of responses', resets('protocol'), headers(1, 0x5, block(call, [':status', '200']))],
  ['8.1.2.1/3', 'a pseudo-header in trailers', resets('protocol'), begun, headers(1, 0x5, block(method))],
  [
    '8.1.2.1/4',
    'a pseudo-header behind a field',
    resets('protocol'),
    headers(1, 0x5, block(method, scheme, ['x', 'y'], path)),
  ],
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map(
    (name) =>
      ['8.1.2.2/1', `the field ${name}`, resets('protocol'), headers(1, 0x5, block(call, [name, 'x']))] as const,
  ),
  ['8.1.2.2/a', 'an empty transfer-encoding by its index', resets('protocol'), headers(1, 0x5, block(call, hex('b9')))],
  ['8.1.2.2/b', 'te for trailers', heard(), headers(1, 0x5, block(call, ['te', 'trailers']))],
  ['8.1.2.2/2', 'te for anything else', resets('protocol'), headers(1, 0x5, block(call, ['te', 'trailers, deflate']))],
  ['8.1.2.3/1', 'an empty :path', resets('protocol'), headers(1, 0x5, block(method, scheme, [':path', '']))],
  ['8.1.2.3/2', 'no :method', resets('protocol'), headers(1, 0x5, block(scheme, path))],
  ['8.1.2.3/3', 'no :scheme', resets('protocol'), headers(1, 0x5, block(method, path))],
  ['8.1.2.3/4', 'no :path', resets('protocol'), headers(1, 0x5, block(method, scheme))],
  ['8.1.2.3/5', 'two :method', resets('protocol'), headers(1, 0x5, block(call, method))],
  ['8.1.2.3/6', 'two :scheme', resets('protocol'), headers(1, 0x5, block(call, scheme))],
  ['8.1.2.3/7', 'two :path', resets('protocol'), headers(1, 0x5, block(call, path))],
  [
    '8.1.2.3/a',
    'two :authority',
    resets('protocol'),
    headers(1, 0x5, block(call, ...[1, 2].map(() => [':authority', 'a'] as const))),
  ],
  ['8.1.2.3/b', 'no fields', resets('protocol'), headers(1, 0x5, nothing)],
  ['8.1.2.3/c', 'CONNECT', resets('protocol'), headers(1, 0x4, block([':method', 'CONNECT'], [':authority', 'a:1']))],
  ['8.1.2.6/1', 'content-length beside DATA that is shorter', resets('protocol'), ofLength(2), data(1, 1, 'x')],
  [
    '8.1.2.6/2',
    'content-length beside DATA that is longer in all',
    resets('protocol'),
    ofLength(2),
    data(1, 0, 'x'),
    data(1, 1, 'yz'),
  ],
  [
    '8.1.2.6/a',
    'content-length beside DATA that is longer already',
    resets('protocol'),
    ofLength(2),
    data(1, 0, 'xyz'),
  ],
  [
    '8.1.2.6/b',
    'content-length beside DATA as long as it',
    heard('xyz'),
    ofLength(3),
    data(1, 0, 'xy'),
    data(1, 9, hex('017a00')),
  ],
  [
    '8.1.2.6/c',
    'content-length without DATA',
    resets('protocol'),
    headers(1, 0x5, block(call, ['content-length', '1'])),
  ],
  ['8.1.2.6/d', 'content-length of 0 without DATA', heard(), headers(1, 0x5, block(call, ['content-length', '0']))],
  [
    '8.1.2.6/e',
    'content-length beside trailers that come too early',
    resets('protocol'),
    ofLength(2),
    data(1, 0, 'x'),
    headers(1, 0x5, nothing),
  ],
  [
    '8.1.2.6/f',
    'content-length twice',
    resets('protocol'),
    headers(1, 0x5, block(call, ...[1, 2].map(() => ['content-length', '0'] as const))),
  ],
  ...['-1', '+1', '1, 1', '0x1', '', '9'.repeat(16)].map(
    (text) =>
      [
        ...(['8.1.2.6/g', `content-length of \`${text}\``, resets('protocol')] as const),
        headers(1, 0x4, block(call, ['content-length', text])),
      ] as const,
  ),
  ['8.2/1', 'PUSH_PROMISE', ends('protocol'), frame(pushPromise, 4, 1, block(word(2), callBlock))],

  ['hpack 2.3.3/1', 'an index that is not there', ends('compression'), headers(1, 0x5, block(call, hex('c6')))],
  [
    'hpack 2.3.3/2',
    'a name by an index that is not there',
    ends('compression'),
    headers(1, 0x5, block(call, hex('7f07 0141'))),
  ],
  ['hpack 4.2/1', 'a table size at the end', ends('compression'), headers(1, 0x5, block(call, hex('20')))],
  ['hpack 4.2/a', 'two table sizes in one block', heard(), headers(1, 0x5, block(hex('20 3fe11f'), call))],
  [
    'hpack 4.2/b',
    'two table sizes, of which one is too large',
    ends('compression'),
    headers(1, 0x5, block(hex('20 3fe21f'), call)),
  ],
  [
    'hpack 4.2/c',
    'an index that a table size of 0 has emptied',
    ends('compression'),
    headers(1, 0x4, block(call, hex('400178 0179'))),
    data(1, 1, ''),
    headers(3, 0x5, block(hex('20 3fe11f'), call, hex('be'))),
  ],
  ['hpack 4.2/d', 'a block of nothing but a table size', resets('protocol'), headers(1, 0x5, hex('20'))],
  ['hpack 5.1/a', 'an integer without end', ends('compression'), headers(1, 0x5, Buffer.alloc(20, 0xff))],
  ['hpack 5.1/b', 'a length of 2^32', ends('compression'), headers(1, 0x5, block(call, hex('00 7f81ffffff0f')))],
  ['hpack 5.2/a', 'padding of ones', heard(), headers(1, 0x5, block(call, hex('00 0178 81 1f')))],
  [
    'hpack 5.2/1',
    'padding of more than 7 bits',
    ends('compression'),
    headers(1, 0x5, block(call, hex('00 0178 82 1fff'))),
  ],
  ['hpack 5.2/2', 'padding of zeros', ends('compression'), headers(1, 0x5, block(call, hex('00 0178 81 18')))],
  [
    'hpack 5.2/3',
    'the end of a string within it',
    ends('compression'),
    headers(1, 0x5, block(call, hex('00 0178 84 ffffffff'))),
  ],
  ['hpack 6.1/1', 'index 0', ends('compression'), headers(1, 0x5, block(call, hex('80')))],
  ['hpack 6.3/1', 'a table size that is too large', ends('compression'), headers(1, 0x5, block(hex('3fe21f'), call))],
];

test.for(cases)('%s: %s', ([, , outcome, ...frames]) => {
  const server = new RawServer();
  server.hear(greeting);
  const answers = server
    .hear(...frames)
    .filter(({ type, flags }) => type !== windowUpdate && (flags !== 1 || (type !== settings && type !== ping)));
  if (outcome.kind === 'connection') {
    expect(answers.map(({ type, payload }) => [type, payload.readUInt32BE(4)])).toEqual([[goaway, outcome.code]]);
    expect(server.isFinished).toBe(true);
    return;
  }
  const expected = outcome.kind === 'stream' ? [{ type: reset, flags: 0, stream: 1, payload: word(outcome.code) }] : [];
  expect(answers).toEqual(expected);
  if (outcome.kind === 'request') expect(server.bodies.get(server.whole[0] ?? 0) ?? '').toBe(outcome.body);
  else if (outcome.kind === 'passed-over') expect(server.streams).toEqual([]);
  // It lives, and its table is what it was.
  expect(server.hear(frame(ping, 0, 0, eight))).toEqual([{ type: ping, flags: 1, stream: 0, payload: eight }]);
  server.hear(headers(101));
  expect(server.whole).toContain(101);
});

const beginnings: readonly (readonly [title: string, ...bytes: readonly Buffer[]])[] = [
  ['3.5/2: an invalid preface', Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n')],
  ['3.4/a: an acknowledgement before SETTINGS', preface, frame(settings, 1, 0, nothing)],
  ['3.4/b: a frame that is not known before SETTINGS', preface, frame(0x42, 0, 0, nothing)],
];
test.for(beginnings)('%s', ([, ...bytes]) => {
  const server = new RawServer();
  const last = server.hear(...bytes).at(-1);
  expect([last?.type, last?.payload.readUInt32BE(4)]).toEqual([goaway, errorCode.protocol]);
});
