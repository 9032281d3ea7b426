/**
 * Reads header blocks of one connection (HPACK): by the static table, and by the dynamic one that the client fills.
 *
 *   block ──index | literal | table size──▶ fields | oversized | malformed        one bad byte: broken, for the whole connection
 *
 * A block is read to its end even where it is too large or malformed, since what it puts into the table holds for the next one.
 * The surprise: one byte can repeat the largest field of the table (an "HPACK bomb"). A field is a reference here and never a
 * copy, and beyond the bound none is kept, so a block costs what its own bytes cost.
 * Source: RFC 7541. Which fields are malformed says message-form.ts, once for each that enters the table.
 */
import { huffmanText } from './huffman.ts';
import { isGoodName, isGoodValue } from './message-form.ts';
import { staticTable } from './static-table.ts';

/** What a client may use of our memory for its table, in bytes: the default, which we leave as it is. Source: RFC 9113, section 6.5.2. */
const tableBytesMax = 4_096;

/** What an entry is counted with beside its letters. Source: RFC 7541, section 4.1. */
const entryOverheadBytes = 32;

/** As many as there can ever be in the table. */
const entriesMax = tableBytesMax / entryOverheadBytes;

/** Largest integer: a length beyond it is beyond every bound of ours. */
const integerMax = 2 ** 24;

export interface FieldBounds {
  readonly fieldsMax: number;
  /** Of all fields, each counted with an overhead of 32, in bytes. */
  readonly bytesMax: number;
}

export type FieldsResult =
  | { readonly kind: 'fields'; readonly fields: readonly DecodedField[] }
  | { readonly kind: 'oversized' | 'malformed' }
  /** The table cannot be trusted any more, and so no block that follows. */
  | { readonly kind: 'broken' };

/** One character a byte. */
export interface DecodedField {
  readonly name: string;
  readonly value: string;
  readonly hasGoodName: boolean;
  readonly isWellFormed: boolean;
}

const staticFields: readonly DecodedField[] = staticTable.map(([name, value]) => {
  const hasGoodName = isGoodName(name);
  return { name, value, hasGoodName, isWellFormed: hasGoodName };
});

export class FieldDecoder {
  readonly #bounds: FieldBounds;
  /** A ring: the newest at `#newest`, the others behind it. */
  readonly #table: (DecodedField | undefined)[] = new Array(entriesMax);
  #newest = 0;
  #entries = 0;
  #tableBytes = 0;
  #tableBytesMax = tableBytesMax;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #broken = false;

  constructor(bounds: FieldBounds) {
    this.#bounds = bounds;
  }

  /** @param block whole: hostile. Never throws. */
  decode(block: Buffer): FieldsResult {
    this.#block = block;
    this.#at = 0;
    while (((block[this.#at] ?? 0) & 0xe0) === 0x20) this.#resize(this.#integer(0x1f));
    const fields: DecodedField[] = [];
    let bytes = 0;
    let isWellFormed = true;
    while (this.#at < block.length && !this.#broken) {
      const field = this.#field();
      if (field === undefined) break;
      bytes += sizeOf(field);
      isWellFormed &&= field.isWellFormed;
      if (fields.length <= this.#bounds.fieldsMax && bytes <= this.#bounds.bytesMax) fields.push(field);
    }
    if (this.#broken) return { kind: 'broken' };
    if (bytes > this.#bounds.bytesMax || fields.length > this.#bounds.fieldsMax) return { kind: 'oversized' };
    return isWellFormed ? { kind: 'fields', fields } : { kind: 'malformed' };
  }

  #field(): DecodedField | undefined {
    const first = this.#block[this.#at] ?? 0;
    if (first >= 0x80) return this.#indexed(this.#integer(0x7f));
    if (first >= 0x40) return this.#insert(this.#literal(0x3f));
    // A table size may be said at the beginning only.
    if (first >= 0x20) return this.#fail();
    return this.#literal(0x0f);
  }

  #indexed(index: number): DecodedField | undefined {
    if (index <= staticFields.length) return staticFields[index - 1] ?? this.#fail();
    const behind = index - staticFields.length - 1;
    return behind < this.#entries ? this.#table[(this.#newest + behind) % entriesMax] : this.#fail();
  }

  /** @param prefix of the index of the name, all its bits set; index 0: the name is spelled out. */
  #literal(prefix: number): DecodedField | undefined {
    const index = this.#integer(prefix);
    const named = index === 0 ? undefined : this.#indexed(index);
    const name = index === 0 ? this.#text() : named?.name;
    const value = this.#text();
    if (name === undefined || value === undefined) return undefined;
    const hasGoodName = named?.hasGoodName ?? isGoodName(name);
    return { name, value, hasGoodName, isWellFormed: hasGoodName && isGoodValue(name, value) };
  }

  #insert(field: DecodedField | undefined): DecodedField | undefined {
    if (field === undefined) return undefined;
    const size = sizeOf(field);
    this.#evictTo(this.#tableBytesMax - size);
    if (size > this.#tableBytesMax) return field; // such a field empties the table: RFC 7541, section 4.4
    this.#newest = (this.#newest + entriesMax - 1) % entriesMax;
    this.#table[this.#newest] = field;
    this.#entries += 1;
    this.#tableBytes += size;
    return field;
  }

  #resize(bytes: number): void {
    if (bytes > tableBytesMax) this.#fail();
    this.#tableBytesMax = Math.min(bytes, tableBytesMax);
    this.#evictTo(this.#tableBytesMax);
  }

  #evictTo(bytes: number): void {
    while (this.#entries > 0 && this.#tableBytes > bytes) {
      this.#entries -= 1;
      const at = (this.#newest + this.#entries) % entriesMax;
      const oldest = this.#table[at];
      this.#tableBytes -= oldest === undefined ? 0 : sizeOf(oldest);
      this.#table[at] = undefined;
    }
  }

  /** Source: RFC 7541, section 5.2. */
  #text(): string | undefined {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#at;
    const end = start + length;
    if (this.#broken || end > this.#block.length) return this.#fail();
    this.#at = end;
    if (!isHuffman) return this.#block.toString('latin1', start, end);
    return huffmanText(this.#block, start, end) ?? this.#fail();
  }

  /** @param prefix all bits of the first byte that belong to it. Source: RFC 7541, section 5.1. */
  #integer(prefix: number): number {
    if (this.#at >= this.#block.length) this.#fail();
    let value = (this.#block[this.#at++] ?? 0) & prefix;
    if (value < prefix) return value;
    for (let scale = 1; scale <= integerMax; scale *= 0x80) {
      if (this.#at >= this.#block.length) break;
      const byte = this.#block[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    this.#fail();
    return 0;
  }

  #fail(): undefined {
    this.#broken = true;
    this.#at = this.#block.length;
    return undefined;
  }
}

function sizeOf({ name, value }: DecodedField): number {
  return name.length + value.length + entryOverheadBytes;
}
