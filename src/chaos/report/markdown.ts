/**
 * Markdown around text that others wrote: names, reasons, labels of alerts, words of a proxy.
 *
 *   a name       ──code()──▶      `a code span`        nothing inside one means anything, but its end and a table's bar
 *   a sentence   ──sentence()──▶  words, escaped, its backticked parts as code spans
 *
 * Neither returns a line end or a control character, so no text begins a block of its own; and each is put behind words
 * of ours, so none stands where a line begins. The surprise: a bar cannot be escaped inside a table safely (a backslash
 * before it would be eaten with it), so it is shown as a broken one.
 * Source: CommonMark 0.31, "Code spans", "Backslash escapes"; GFM 0.29, "Tables", "Autolinks (extended)".
 */

/** Longest text of others in one place, in UTF-16 code units. */
const textLengthMax = 600;

/** One code span, or a dash where there is nothing. */
export function code(text: string): string {
  const shown = harmless(text).replaceAll('`', "'").replaceAll('|', '¦');
  return shown.trim() === '' ? '–' : `\`${shown}\``;
}

/** Words on one line; what stands between two backticks is a code span. A dash where there is nothing. */
export function sentence(text: string): string {
  const parts = harmless(text).split('`');
  // An odd one out would turn words into code, and code into words.
  if (parts.length % 2 === 0) return words(parts.join("'"));
  const shown = parts.map((part, index) => (index % 2 === 0 ? escaped(part) : code(part))).join('');
  return shown.trim() === '' ? '–' : shown;
}

/** @param rows cells that are Markdown already. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('');
}

export function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${item}\n`).join('');
}

function words(text: string): string {
  return text.trim() === '' ? '–' : escaped(text);
}

function escaped(text: string): string {
  return (
    text
      .replaceAll(/[\\*_[\]~$@]/g, (mark) => `\\${mark}`)
      .replaceAll('|', '¦')
      // Bare addresses become links to some renderers.
      .replaceAll(/:(?=\S)|(?<=www)[.]/gi, (mark) => `\\${mark}`)
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
  );
}

function harmless(text: string): string {
  const shown = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '\ufffd');
  return shown.length > textLengthMax ? `${shown.slice(0, textLengthMax).replace(/[\uD800-\uDBFF]$/, '')}…` : shown;
}
