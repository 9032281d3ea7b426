/**
 * A cursor over one protobuf message, for who needs a few fields of a large one.
 *
 *   while (reader.next()) switch (reader.field) { case 2: method = reader.text(); break; case 3: reader.inside(readX) }
 *
 * It copies nothing but the texts asked for, and never throws: at the first byte that cannot be right it says
 * `malformed`, and every loop over it ends. The surprise: a field that is not asked for is passed over by the next
 * `next()`, so an unknown field costs its tag only. Groups are refused: proto3 has none, so no honest sender has any.
 * Protocol: protobuf.dev, "Encoding".
 */

const wire = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/** Longest varint: 64 bits, seven a byte. */
const varintBytesMax = 10;

/** Also the largest tag: 29 bits of field number and 3 of wire type. */
const uint32Max = 2 ** 32 - 1;

/** Where the bytes of one field lie in the message. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export class WireReader {
  /** Number of the field that `next` found. */
  field = 0;
  malformed = false;
  readonly #bytes: Buffer;
  #wireType: number = wire.varint;
  /** False while the value of `field` still lies ahead. */
  #taken = true;
  #at = 0;
  /** End of the message being read, which may lie inside another. */
  #limit: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#limit = bytes.length;
  }

  /** Moves to the next field of this message; false at its end, or when the bytes make no sense. */
  next(): boolean {
    if (!this.#taken) this.#pass();
    if (this.malformed || this.#at >= this.#limit) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    this.#taken = false;
    if (this.field === 0 || tag > uint32Max) this.#fail();
    return !this.malformed;
  }

  /** Reads the value of this field as a message. Its own fields are what `next` finds until `read` returns. */
  inside(read: (reader: WireReader) => void): void {
    const { start, end } = this.range();
    const outer = this.#limit;
    this.#at = start;
    this.#limit = end;
    read(this);
    this.#at = end;
    this.#taken = true;
    this.#limit = outer;
  }

  /** Text that is not UTF-8 makes the message malformed, as proto3 demands. */
  text(): string {
    const { start, end } = this.range();
    const text = utf8Text(this.#bytes, start, end);
    if (text === undefined) this.#fail();
    return text ?? '';
  }

  /** Beyond 32 bits it makes the message malformed, where others would cut it to some other number. */
  uint32(): number {
    if (this.#wireType !== wire.varint) this.#fail();
    this.#taken = true;
    const value = this.malformed ? 0 : this.#varint();
    if (value > uint32Max) this.#fail();
    return value;
  }

  /** Of a string, bytes or message field. */
  range(): ByteRange {
    if (this.#wireType !== wire.delimited) this.#fail();
    this.#taken = true;
    const length = this.malformed ? 0 : this.#varint();
    const start = this.#at;
    this.#advance(length);
    return { start, end: this.#at };
  }

  #pass(): void {
    switch (this.#wireType) {
      case wire.varint:
        this.#varint();
        break;
      case wire.fixed64:
        this.#advance(8);
        break;
      case wire.delimited:
        this.range();
        break;
      case wire.fixed32:
        this.#advance(4);
        break;
      default:
        this.#fail();
    }
    this.#taken = true;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < varintBytesMax && this.#at < this.#limit; count++) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale; // not by shifting, which ends at 32 bits
      if (byte < 0x80) return value;
      scale *= 128;
    }
    this.#fail();
    return 0;
  }

  #advance(length: number): void {
    if (length > this.#limit - this.#at) this.#fail();
    else this.#at += length;
  }

  #fail(): void {
    this.malformed = true;
    this.#at = this.#limit;
  }
}

/** @returns undefined where the bytes are not UTF-8. */
export function utf8Text(bytes: Buffer, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) {
    if ((bytes[at] ?? 0) >= 0x80) return strictUtf8(bytes.subarray(start, end));
  }
  return bytes.toString('latin1', start, end);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function strictUtf8(bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // the decoder has no other way to say it
  }
}
