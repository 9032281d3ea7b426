/**
 * Header fields as a server of ours writes them: by index where the static table has the whole field, spelled out where not.
 * Nothing enters the client's dynamic table, so a block is the same for everybody and can be made beforehand.
 * Source: RFC 7541, sections 6.1 and 6.2.2.
 */
import { staticTable } from './static-table.ts';

export type Field = readonly [name: string, value: string];

/** Says that the dynamic table is not used; due at the head of the first block after the client has set its size. */
export const tableIsEmpty = Buffer.from([0x20]);

/** Of a length beside seven bits, or one whose first seven bits are full. */
const lengthPrefixMax = 0x7f;

/** @param fields in ASCII, names in lower case, pseudo-headers first. */
export function fieldBlock(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(encodedField));
}

function encodedField([name, value]: Field): Buffer {
  const index = staticTable.findIndex(([known, text]) => known === name && text === value) + 1;
  return index > 0 ? Buffer.from([0x80 | index]) : Buffer.concat([Buffer.from([0]), literal(name), literal(value)]);
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const length = bytes.length < lengthPrefixMax ? [bytes.length] : [lengthPrefixMax];
  let rest = bytes.length - lengthPrefixMax;
  while (rest >= 0x80) {
    length.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  if (rest >= 0) length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}
