/** How texts and lists of an event are told: cut, so that no record is larger than its receivers take. */
import { quote } from '../model/quote.ts';
import type { PathTelling } from './redact.ts';

export interface Telling {
  readonly paths: PathTelling;
}

/** Longest text of an attribute, in UTF-16 units. */
const textLengthMax = 512;

/** Longest path, in UTF-16 units: as long as an event has it. */
export const pathLengthMax = 1_024;

/** Longest text within a list, in UTF-16 units. */
const itemLengthMax = 128;

/** Longest list. */
const itemsMax = 20;

/** Longest text quoted within a message, in UTF-16 units. */
const quotedLengthMax = 256;

export function cutText(text: string, lengthMax: number = textLengthMax): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}

export function cutList(items: readonly string[]): string[] {
  return items.slice(0, itemsMax).map((item) => cutText(item, itemLengthMax));
}

export function quoted(text: string): string {
  return quote(text, quotedLengthMax);
}
