/**
 * What a bench is, and the one shape in which it tells its figures.
 *
 *   Bench.run ──▶ samples by metric, one a run ──▶ median, min, max ──▶ a table, or one JSON line
 *
 * A peer is measured in the same run or it has no figure. A ratio is always written so that above 1 means we are better.
 */

export interface Bench {
  /** As `npm run bench -- NAME` takes it. */
  readonly name: string;
  /** One sentence: what is asked, of what, and what the aim is. */
  readonly what: string;
  run(options: BenchOptions): Promise<BenchSamples>;
}

export interface BenchOptions {
  /** The long form, beyond eight minutes. */
  readonly full: boolean;
  /** A tenth of what is asked, to see that a bench works; its figures are of that tenth. */
  readonly small: boolean;
  /** At least `runsMin`. */
  readonly runs: number;
  /** Progress, for a person. */
  say(line: string): void;
  /** Takes where the time went, as text. Present: one round of ours is looked into, and the figures are not to be told. */
  profile?(text: string): void;
  /** The gate holds what it measures as what is to be compared with from now on. */
  readonly renew?: boolean;
}

/** Fewer say nothing about the spread. */
export const runsMin = 3;

export interface BenchSamples {
  readonly metrics: Readonly<Record<string, Samples>>;
  /** By peer. Empty where none can be run on this machine: what is only read of one is no figure. */
  readonly peers?: Readonly<Record<string, Readonly<Record<string, Samples>>>>;
  /** Of medians, above 1 where we are better. */
  readonly ratios?: Readonly<Record<string, number>>;
  /** What a gate found to be worse than it may be, one sentence each. */
  readonly breaches?: readonly string[];
}

export interface Samples {
  readonly unit: string;
  readonly values: readonly number[];
}

export interface Figure {
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface BenchReport {
  readonly name: string;
  readonly metrics: Readonly<Record<string, Figure>>;
  readonly peers: Readonly<Record<string, Readonly<Record<string, Figure>>>>;
  readonly ratios: Readonly<Record<string, number>>;
}

export function reportOf(name: string, { metrics, peers = {}, ratios = {} }: BenchSamples): BenchReport {
  return {
    name,
    metrics: figuresOf(metrics),
    peers: Object.fromEntries(Object.entries(peers).map(([peer, of]) => [peer, figuresOf(of)])),
    ratios: Object.fromEntries(Object.entries(ratios).map(([key, value]) => [key, rounded(value)])),
  };
}

function figuresOf(metrics: Readonly<Record<string, Samples>>): Record<string, Figure> {
  return Object.fromEntries(Object.entries(metrics).map(([key, samples]) => [key, figureOf(key, samples)]));
}

/** @throws where there is nothing to tell: a metric that was not measured is left out, not zero. */
function figureOf(key: string, { unit, values }: Samples): Figure {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value)))
    throw new Error(`\`${key}\` was not measured`);
  const sorted = [...values].sort((a, b) => a - b);
  return {
    unit,
    median: rounded(quantile(sorted, 0.5)),
    min: rounded(quantile(sorted, 0)),
    max: rounded(quantile(sorted, 1)),
  };
}

/** Of a sorted list that is not empty; between two values, the mean of them by weight. @param share 0 to 1. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Three significant places below 100: more would be noise. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

export function reportText({ metrics, peers, ratios }: BenchReport): string {
  const line = ([key, { unit, median, min, max }]: readonly [string, Figure]) =>
    `  ${key.padEnd(32)} ${String(median).padStart(10)} ${unit.padEnd(6)} (${min} to ${max})`;
  return [
    ...Object.entries(metrics).map(line),
    ...Object.entries(peers).flatMap(([peer, figures]) => [`${peer}:`, ...Object.entries(figures).map(line)]),
    ...Object.entries(ratios).map(([key, value]) => `  ${key.padEnd(32)} ${String(value).padStart(10)} x`),
  ].join('\n');
}
