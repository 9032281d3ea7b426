/**
 * A cursor over one protobuf message, for who needs a few fields of a large one.
 *
 *   const around = reader.enter(); while (reader.next()) if (reader.field === 2) method = reader.text(); reader.leave(around)
 *
 * It copies nothing but the texts asked for, and never throws: at the first byte that cannot be right it says
 * `malformed`, and every loop over it ends. The surprise: a field that is not asked for is passed over by the next
 * `next()`, so an unknown field costs its tag only. Groups are refused: proto3 has none, so no honest sender has any.
 * Nothing is made on the way, neither a closure for a message nor a value for a range: this is done for every request.
 * Protocol: protobuf.dev, "Encoding".
 */

const wire = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/** Longest varint: 64 bits, seven a byte. */
const varintBytesMax = 10;

/** Also the largest tag: 29 bits of field number and 3 of wire type. */
const uint32Max = 2 ** 32 - 1;

export class WireReader {
  /** Number of the field that `next` found. */
  field = 0;
  malformed = false;
  /** Where the bytes of the last field lie that was taken, but for a number. */
  start = 0;
  end = 0;
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

  /** Goes into this field, which is a message: its own fields are what `next` finds. @returns what `leave` takes. */
  enter(): number {
    this.range();
    const around = this.#limit;
    this.#at = this.start;
    this.#limit = this.end;
    return around;
  }

  /** Goes back to the message around, once `next` has said that this one is at its end. */
  leave(around: number): void {
    this.#limit = around;
  }

  /** Text that is not UTF-8 makes the message malformed, as proto3 demands. */
  text(): string {
    this.range();
    const text = utf8Text(this.#bytes, this.start, this.end);
    if (text === undefined) this.#fail();
    return text ?? '';
  }

  /** As `text`, without making one. */
  textRange(): void {
    this.range();
    const { start, end } = this;
    if (!isAscii(this.#bytes, start, end) && strictUtf8(this.#bytes.subarray(start, end)) === undefined) this.#fail();
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
  range(): void {
    if (this.#wireType !== wire.delimited) this.#fail();
    this.#taken = true;
    const length = this.malformed ? 0 : this.#varint();
    this.start = this.#at;
    this.#advance(length);
    this.end = this.#at;
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
  return isAscii(bytes, start, end) ? bytes.toString('latin1', start, end) : strictUtf8(bytes.subarray(start, end));
}

function isAscii(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) >= 0x80) return false;
  return true;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function strictUtf8(bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // the decoder has no other way to say it
  }
}
