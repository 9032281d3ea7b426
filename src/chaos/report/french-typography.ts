/**
 * French as it is set: no-break spaces before `:`, `;`, `%` and inside quotation marks, a comma for decimals.
 *
 * Spaces are typed plainly in what is ours; words of others are quoted, and nothing in them is changed.
 */
import { nothing, ours as oursAsTyped, type Rich, say as sayAsTyped } from './rich-text.ts';

export function say(...[literals, ...parts]: Parameters<typeof sayAsTyped>): Rich {
  return sayAsTyped(literals, ...parts).map((piece) =>
    piece.kind === 'ours' ? { ...piece, text: spaced(piece.text) } : piece,
  );
}

export function ours(text: string): Rich {
  return oursAsTyped(spaced(text));
}

export function spaced(text: string): string {
  return text.replaceAll(/ (?=[:;»%])|(?<=«) /g, '\u00a0');
}

export function quoted(text: string): Rich {
  return text.trim() === '' ? nothing : say`« ${text} »`;
}

/** Rounded to what a person compares; a comma for the decimals, a narrow no-break space for the thousands. */
export function numeral(value: number): string {
  const [whole = '', decimals] = String(Number(value.toFixed(4))).split('.');
  const grouped = whole.replaceAll(/(?<=\d)(?=(?:\d{3})+$)/g, '\u202f');
  return decimals === undefined ? grouped : `${grouped},${decimals}`;
}
