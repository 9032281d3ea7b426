/** An author's own words inside a message: in backticks, on one line, never longer than a line of a terminal. */

/** Longest quotation, in characters. */
const quotedLengthMax = 80;

/** @param lengthMax in characters; more than a line only for words that are the message itself. */
export function quote(text: string, lengthMax: number = quotedLengthMax): string {
  const shown = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
  return `\`${shown.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029`]/gu, '\ufffd')}\``;
}

/** `a`, `b` and `c`, at most eight of them. */
export function quoteList(texts: readonly string[]): string {
  const shown = texts.slice(0, 8).map((text) => quote(text));
  const rest = texts.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}
