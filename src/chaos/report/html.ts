/**
 * A report as one HTML file: it asks nobody for anything, runs nothing, and prints.
 *
 * Words of others are text wherever they stand: every piece is escaped here, at the one place where a tag is written, and
 * none is ever put into an attribute. The file forbids itself everything but its own style, should that ever fail.
 */
import { escapeHtml } from './escape-html.ts';
import type { ReportBlock } from './report-block.ts';
import type { Graph } from './report-graphs.ts';
import { type Piece, plain, type Rich } from './rich-text.ts';
import { type GraphWords, svg } from './svg.ts';

/** Rows of the table behind a graph. */
const pointsShownMax = 100;

export interface HtmlWords {
  readonly lang: string;
  graph(graph: Graph): GraphWords;
  /** Of the table behind a graph: what to open it by, and its columns. */
  readonly graphTable: { readonly open: string; readonly moment: string };
}

export function html(blocks: readonly ReportBlock[], words: HtmlWords): string {
  const title = blocks.find((block) => block.kind === 'title');
  return `<!doctype html>
<html lang="${escapeHtml(words.lang)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title?.kind === 'title' ? escapeHtml(plain(title.text)) : ''}</title>
<style>
${style}
</style>
</head>
<body>
<main>
${blocks.map((block) => blockHtml(block, words)).join('\n')}
</main>
</body>
</html>
`;
}

function blockHtml(block: ReportBlock, words: HtmlWords): string {
  switch (block.kind) {
    case 'title':
      return `<h1>${richHtml(block.text)}</h1>`;
    case 'heading':
      return `<h2>${richHtml(block.text)}</h2>`;
    case 'paragraph':
      return `<p>${richHtml(block.text)}</p>`;
    case 'bullets':
      return `<ul>\n${block.items.map((item) => `<li>${richHtml(item)}</li>`).join('\n')}\n</ul>`;
    case 'table': {
      const rows = block.rows.map((row) => row.map(richHtml));
      const rest = block.rest === undefined ? '' : `\n<p>${richHtml(block.rest)}</p>`;
      return `${tableHtml(block.caption, block.head, rows)}${rest}`;
    }
    case 'graphs': {
      const figures = block.graphs.map((graph) => graphHtml(graph, words)).join('\n');
      return `<h2>${richHtml(block.text)}</h2>\n${figures}`;
    }
  }
}

/** @param rows cells that are HTML already. */
function tableHtml(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const heads = head.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<table>\n<caption>${escapeHtml(caption)}</caption>\n<thead><tr>${heads}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table>`;
}

function graphHtml(graph: Graph, words: HtmlWords): string {
  const named = words.graph(graph);
  const { open, moment } = words.graphTable;
  const moments = [...new Set(graph.series.flatMap(({ points }) => points.map(({ atMs }) => atMs)))].sort(
    (a, b) => a - b,
  );
  const every = Math.ceil(moments.length / pointsShownMax);
  const rows = moments
    .filter((_, index) => index % every === 0 || index === moments.length - 1)
    .map((atMs) => [
      escapeHtml(new Date(atMs).toISOString()),
      ...graph.series.map(({ points, shape }) => {
        const at = points.findLast((point) => (shape === 'steps' ? point.atMs <= atMs : point.atMs === atMs));
        return escapeHtml(named.number(at?.value ?? 0));
      }),
    ]);
  const table = tableHtml(named.title, [moment, ...graph.series.map(({ name }) => named.series[name])], rows);
  return `<figure>
<figcaption>${escapeHtml(named.title)}</figcaption>
${svg(graph, named)}
<details><summary>${escapeHtml(open)}</summary>
${table}
</details>
</figure>`;
}

function richHtml(rich: Rich): string {
  return rich.map(pieceHtml).join('');
}

function pieceHtml(piece: Piece): string {
  switch (piece.kind) {
    case 'ours':
    case 'told':
      return escapeHtml(piece.text);
    case 'code':
      return `<code>${escapeHtml(piece.text)}</code>`;
    case 'strong':
      return `<strong>${richHtml(piece.pieces)}</strong>`;
  }
}

const style = `:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1b1f24; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #9aa3ad; padding-bottom: .2rem; }
code { font: .9em ui-monospace, monospace; background: #f0f2f4; padding: 0 .2em; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-size: .88rem; }
caption { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #d5dae0; overflow-wrap: anywhere; }
td:first-child { min-width: 10rem; }
figure { margin: 1.2rem 0; }
figcaption { font-weight: 600; }
summary { cursor: pointer; font-size: .88rem; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: #1b1f24; }
svg .fault { fill: #fbe9d0; }
svg .grid { stroke: #c6ccd3; stroke-width: .5; }
svg .phase { font-style: italic; }
svg .overflow { fill: #9c2f00; stroke: #9c2f00; }
svg .failed { fill: none; stroke: #1b1f24; stroke-width: 1.5; }
svg .effective, svg .clean { fill: none; stroke-width: 2; }
svg .effective { stroke: #9c2f00; }
svg .clean { stroke: #005a4f; stroke-dasharray: 6 3; }
@media print {
  @page { margin: 18mm; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  tr, figure, svg { break-inside: avoid; }
  thead { display: table-header-group; }
  details:not([open]) { display: none; }
  svg .fault { fill: #e8e8e8; }
}`;
