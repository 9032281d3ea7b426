/**
 * One protobuf message as its fields lie in it, for who must read what honest software would not have written.
 *
 *   bytes ──WireFields──▶ fields.message(4).text(3, 256)      nothing but what is asked for is decoded
 *
 * The surprise, and the reason: a strict decoder refuses a whole message for one text that is not UTF-8. Here that text
 * is a path or an SNI that an attacker chose, and the message holds what thirty others did: so texts are read leniently,
 * and only as far as they will be kept. What is broken is thrown at by `BinaryReader`, and its caller catches.
 * Protocol: protobuf.dev, "Encoding"; a field that is said twice counts as it was said last.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { cutText } from './cut-text.ts';

type Value = Uint8Array | number;

/** Bytes of a character in UTF-8, at most. */
const utf8BytesMax = 4;

const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

export class WireFields {
  readonly #values = new Map<number, Value[]>();

  /** @throws where the bytes are no message. */
  constructor(bytes: Uint8Array) {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      const value = fieldValue(reader, field, wireType);
      const values = this.#values.get(field);
      if (value === undefined) continue;
      if (values === undefined) this.#values.set(field, [value]);
      else values.push(value);
    }
  }

  has(field: number): boolean {
    return this.#values.has(field);
  }

  /** Empty where it is absent, as is each of its fields. */
  message(field: number): WireFields {
    return new WireFields(this.bytes(field));
  }

  /** Of a repeated field, the first `max`. */
  messages(field: number, max = Number.POSITIVE_INFINITY): readonly WireFields[] {
    const values = this.#values.get(field)?.filter(isBytes) ?? [];
    return values.slice(0, max).map((bytes) => new WireFields(bytes));
  }

  /** @param max most characters that are kept. */
  text(field: number, max: number): string {
    return cutText(lenient.decode(this.bytes(field).subarray(0, max * utf8BytesMax)), max);
  }

  /** Whole, of a number that lies between 0 and 2^53; 0 where it is absent or any other. */
  count(field: number): number {
    const value = this.#values.get(field)?.at(-1);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
  }

  bytes(field: number): Uint8Array {
    const value = this.#values.get(field)?.at(-1);
    return value instanceof Uint8Array ? value : nothing;
  }
}

/**
 * How often a field is there, up to `most`: counted along the bytes, and nothing is kept of any of them.
 * @throws where the bytes, as far as they were read, are no message.
 */
export function timesIn(bytes: Uint8Array, wanted: number, most: number): number {
  const reader = new BinaryReader(bytes);
  let times = 0;
  while (reader.pos < reader.len && times < most) {
    const [field, wireType] = reader.tag();
    reader.skip(wireType, field);
    if (field === wanted) times += 1;
  }
  return times;
}

const nothing = new Uint8Array();

function isBytes(value: Value): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** @returns undefined of a field whose form nobody here asks for. */
function fieldValue(reader: BinaryReader, field: number, wireType: WireType): Value | undefined {
  switch (wireType) {
    case WireType.Varint:
      return Number(reader.int64());
    case WireType.LengthDelimited:
      return reader.bytes();
    default:
      reader.skip(wireType, field);
      return undefined;
  }
}
