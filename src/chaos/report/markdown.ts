/**
 * A report in Markdown: text that others wrote (names, reasons, labels of alerts, words of a proxy) stays text.
 *
 *   a name   ──▶ `a code span`      nothing inside one means anything, but its end and a table's bar
 *   words    ──▶ words, escaped
 *
 * No piece holds a line end, so no text begins a block of its own; and each is put behind words of ours, so none stands
 * where a line begins. The surprise: a bar cannot be escaped inside a table safely (a backslash before it would be eaten
 * with it), so it is shown as a broken one.
 * Source: CommonMark 0.31, "Code spans", "Backslash escapes"; GFM 0.29, "Tables", "Autolinks (extended)".
 */
import type { ReportBlock } from './report-block.ts';
import type { Piece, Rich } from './rich-text.ts';

export function markdown(blocks: readonly ReportBlock[]): string {
  return blocks
    .filter(({ kind }) => kind !== 'graphs')
    .map(blockText)
    .join('\n');
}

function blockText(block: ReportBlock): string {
  switch (block.kind) {
    case 'title':
      return `# ${richText(block.text)}\n`;
    case 'heading':
      return `## ${richText(block.text)}\n`;
    case 'paragraph':
      return `${richText(block.text)}\n`;
    case 'bullets':
      return block.items.map((item) => `- ${richText(item)}\n`).join('');
    case 'table': {
      const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
      const rows = block.rows.map((row) => line(row.map(richText))).join('');
      const rest = block.rest === undefined ? '' : `\n${richText(block.rest)}\n`;
      return `${line(block.head)}${line(block.head.map(() => '---'))}${rows}${rest}`;
    }
    case 'graphs':
      return '';
  }
}

function richText(rich: Rich): string {
  return rich.map(pieceText).join('');
}

function pieceText(piece: Piece): string {
  switch (piece.kind) {
    case 'ours':
      return piece.text;
    case 'told':
      return escaped(piece.text);
    case 'code':
      return `\`${piece.text.replaceAll('`', "'").replaceAll('|', '¦')}\``;
    case 'strong':
      return `**${richText(piece.pieces)}**`;
  }
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
