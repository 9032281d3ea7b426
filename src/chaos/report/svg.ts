/**
 * A graph as SVG that needs nothing from anywhere: no script, no font, no network, and it reads without colours.
 *
 * Series differ by their pattern as well: bars are full or outlined, steps are drawn through or dashed. Every text in it
 * is ours; a graph holds numbers and moments, and no word of others.
 */
import { escapeHtml } from './escape-html.ts';
import type { Graph, GraphSeries } from './report-graphs.ts';

/** In units of the drawing. */
const [width, height] = [720, 220];
const [left, right, top, bottom] = [46, 12, 34, 30];

export interface GraphWords {
  readonly title: string;
  /** What there is to see, for those who do not. */
  readonly description: string;
  readonly before: string;
  readonly fault: string;
  readonly after: string;
  readonly series: Readonly<Record<GraphSeries['name'], string>>;
  number(value: number): string;
}

export function svg(graph: Graph, words: GraphWords): string {
  const { name, fromMs, untilMs, fault, series } = graph;
  const highest = niceCeiling(Math.max(...series.flatMap(({ points }) => points.map(({ value }) => value))));
  const x = (atMs: number) => round(left + ((width - left - right) * (atMs - fromMs)) / (untilMs - fromMs));
  const y = (value: number) => round(height - bottom - ((height - top - bottom) * value) / highest);
  const zeroMs = fault?.fromMs ?? fromMs;
  const ids = `graph-${name}-title graph-${name}-description`;
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${ids}">`,
    `<title id="graph-${name}-title">${escapeHtml(words.title)}</title>`,
    `<desc id="graph-${name}-description">${escapeHtml(words.description)}</desc>`,
    ...(fault === undefined
      ? []
      : [
          `<rect class="fault" x="${x(fault.fromMs)}" y="${top}" width="${round(x(fault.untilMs) - x(fault.fromMs))}" height="${height - top - bottom}"/>`,
          phase(words.before, x(fromMs), x(fault.fromMs)),
          phase(words.fault, x(fault.fromMs), x(fault.untilMs)),
          phase(words.after, x(fault.untilMs), x(untilMs)),
        ]),
    ...[0, 0.5, 1].map((share) => {
      const at = y(highest * share);
      const label = `<text x="${left - 6}" y="${at + 4}" text-anchor="end">${words.number(highest * share)}</text>`;
      return `<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>${label}`;
    }),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => {
      const atMs = fromMs + (untilMs - fromMs) * share;
      const seconds = Math.round((atMs - zeroMs) / 100) / 10;
      const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
      return `<text x="${x(atMs)}" y="${height - 10}" text-anchor="${anchor}">${seconds > 0 ? '+' : ''}${words.number(seconds)} s</text>`;
    }),
    ...series.map((each) => (each.shape === 'bars' ? bars(each, x, y) : steps(each, x, y, x(untilMs)))),
    ...series.map(({ name: of, shape }, index) => {
      const at = left + 300 * index;
      const sample = shape === 'bars' ? `<rect class="${of}" x="${at}" y="4" width="18" height="8"/>` : '';
      const line = shape === 'steps' ? `<line class="${of}" x1="${at}" x2="${at + 18}" y1="8" y2="8"/>` : '';
      return `${sample}${line}<text x="${at + 24}" y="12">${escapeHtml(words.series[of])}</text>`;
    }),
    '</svg>',
  ].join('\n');
}

type Scale = (value: number) => number;

function phase(text: string, fromX: number, untilX: number): string {
  // A phase of a moment has no room for its name.
  if (untilX - fromX < 40) return '';
  return `<text class="phase" x="${round((fromX + untilX) / 2)}" y="${top - 6}" text-anchor="middle">${escapeHtml(text)}</text>`;
}

function bars({ name, points }: GraphSeries, x: Scale, y: Scale): string {
  return points
    .map(({ atMs, value, lengthMs = 0 }) => {
      const barWidth = Math.max(1, round(x(atMs + lengthMs) - x(atMs) - 1));
      return `<rect class="${name}" x="${x(atMs)}" y="${y(value)}" width="${barWidth}" height="${round(y(0) - y(value))}"/>`;
    })
    .join('');
}

function steps({ name, points }: GraphSeries, x: Scale, y: Scale, endX: number): string {
  const path = points.map(({ atMs, value }) => `H${x(atMs)}V${y(value)}`).join('');
  return `<path class="${name}" d="M${x(points[0]?.atMs ?? 0)} ${y(0)}${path}H${endX}"/>`;
}

/** 1, 2 or 5 with zeros behind, at least 1. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return power * (([1, 2, 5].find((step) => step * power >= value) ?? 10) as number);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
