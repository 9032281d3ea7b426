/**
 * A text that a peer chose, made fit to be kept: of bounded length, well-formed, and without a character that acts.
 *
 *   hostile text ──cutText──▶ the same words, or U+FFFD where a terminal or a database would have obeyed one
 *
 * Two reasons, and none is taste. A control or a bidirectional mark lets a path rewrite the line it is shown in; and
 * PostgreSQL keeps neither NUL nor half a surrogate pair, so one such byte would keep a whole batch out of the store.
 */

/** Controls (C0, DEL, C1), line and paragraph separators, and the marks that turn the direction of text. */
const acting = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** @param max in UTF-16 units; a pair that would be cut in two goes whole. */
export function cutText(text: string, max: number): string {
  return text
    .slice(0, max)
    .replace(/[\ud800-\udbff]$/, '')
    .toWellFormed()
    .replace(acting, '\ufffd');
}
