/**
 * HTTP/2 by hand, for what no library would send: frames, and header blocks of plain literals.
 * Source: RFC 9113, section 4 and 6; RFC 7541, section 6.
 */

const types = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7, continuation: 9 } as const;
export const flags = { endStream: 1, endHeaders: 4 } as const;

type HeaderFields = readonly (readonly [name: string, value: string])[];

/** latin1, as all bytes of a row. */
export function frame(type: keyof typeof types, flag: number, stream: number, payload: string): string {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(types[type], 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return head.toString('latin1') + payload;
}

export const preface = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame('settings', 0, 0, '')}`;

/** Literals without indexing, by name. */
export function block(fields: HeaderFields): string {
  return fields.map(([name, value]) => `\x00${text(name)}${text(value)}`).join('');
}

function text(value: string): string {
  return integer(value.length) + value;
}

/** With a prefix of seven bits. */
function integer(value: number): string {
  if (value < 127) return String.fromCharCode(value);
  let [bytes, rest] = ['\x7f', value - 127];
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes += String.fromCharCode((rest % 128) + 128);
  return bytes + String.fromCharCode(rest);
}

/** One request on stream 1 that ends with its header block. */
export function h2Request(fields: HeaderFields): string {
  return preface + frame('headers', flags.endStream | flags.endHeaders, 1, block(fields));
}

export interface Frame {
  readonly type: string;
  readonly payload: Buffer;
}

/** All whole ones. */
export function framesIn(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const payload = bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3));
    const [type = 'other'] = Object.entries(types).find(([, number]) => number === bytes.readUInt8(at + 3)) ?? [];
    frames.push({ type, payload });
  }
  return frames;
}

/** The first status, else `reset`, `goaway`, or `silence`. */
export function answerInFrames(bytes: Buffer): string {
  const frames = framesIn(bytes);
  const headers = frames.find(({ type, payload }) => type === 'headers' && payload.length > 0);
  if (headers !== undefined) return statusIn(headers.payload);
  return frames.find(({ type }) => type === 'reset' || type === 'goaway')?.type ?? 'silence';
}

/** Entries of HPACK's static table. */
const indexed = new Map([
  [0x88, '200'],
  [0x89, '204'],
  [0x8a, '206'],
  [0x8b, '304'],
  [0x8c, '400'],
  [0x8d, '404'],
  [0x8e, '500'],
]);

function statusIn(block: Buffer): string {
  let at = 0;
  while ((block.readUInt8(at) & 0xe0) === 0x20) at += 1; // the table's size
  const known = indexed.get(block.readUInt8(at));
  if (known !== undefined) return known;
  const length = block.readUInt8(at + 1);
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return length & 0x80 ? digits(value) : value.toString('latin1');
}

/** Huffman codes of the digits: 0 to 2 have five bits, the others six. */
function digits(value: Buffer): string {
  const bits = [...value].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let found = '';
  for (let at = 0; found.length < 3; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2);
    found += five <= 2 ? String(five) : String(Number.parseInt(bits.slice(at, at + 6), 2) - 0b011001 + 3);
    at += five <= 2 ? 5 : 6;
  }
  return found;
}
