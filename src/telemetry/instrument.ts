/**
 * What an instrument is before anybody measures with it: a name, a unit, a sentence, and which labels it may ever carry.
 *
 *   instruments.ts (the table) ──▶ Meters (meters.ts) ──▶ Prometheus text, OTLP
 *
 * A name is written as Prometheus shows it, unit and `_total` included, so that code, dashboards and both protocols say
 * one word: the exporter adds `_total` and nothing else.
 * A label's values are a closed list, or a set whose size is bounded and named here. There is no third kind, so a path, a
 * user, a token or an id cannot become one.
 */

/** Values known when this was written. */
export type ClosedLabel = readonly string[];

/** Values that an operator chooses, such as the names of tenants. */
export interface BoundedLabel {
  /** Most values at a time; what is beyond is told together as `otherValue`, or not at all. */
  readonly valuesMax: number;
}

export type Labels = Readonly<Record<string, ClosedLabel | BoundedLabel>>;

export type ValuesOf<L extends Labels> = {
  readonly [Name in keyof L]: L[Name] extends readonly (infer Value)[] ? Value : string;
};

interface Described<L extends Labels> {
  readonly name: string;
  /** As UCUM writes it: `s`, `By`, `1`, or what is counted in braces. */
  readonly unit: string;
  readonly description: string;
  readonly labels: L;
}

/** Added to as things happen. */
export interface CounterOf<L extends Labels> extends Described<L> {
  readonly kind: 'counter';
}

/** Counted elsewhere, and read when somebody asks. */
export interface ReadCounterOf<L extends Labels> extends Described<L> {
  readonly kind: 'read-counter';
}

/** A level, read when somebody asks: what it had before is told no more. */
export interface GaugeOf<L extends Labels> extends Described<L> {
  readonly kind: 'gauge';
}

export interface HistogramOf<L extends Labels> extends Described<L> {
  readonly kind: 'histogram';
  /** Upper bounds, ascending, in the unit. */
  readonly buckets: readonly number[];
}

export type Instrument = CounterOf<Labels> | ReadCounterOf<Labels> | GaugeOf<Labels> | HistogramOf<Labels>;

export function counter<const L extends Labels>(
  name: string,
  unit: string,
  description: string,
  labels: L,
): CounterOf<L> {
  return { kind: 'counter', name, unit, description, labels };
}

export function readCounter<const L extends Labels>(
  name: string,
  unit: string,
  description: string,
  labels: L,
): ReadCounterOf<L> {
  return { kind: 'read-counter', name, unit, description, labels };
}

export function gauge<const L extends Labels>(name: string, unit: string, description: string, labels: L): GaugeOf<L> {
  return { kind: 'gauge', name, unit, description, labels };
}

export function histogram<const L extends Labels>(
  name: string,
  unit: string,
  description: string,
  labels: L,
  buckets: readonly number[],
): HistogramOf<L> {
  return { kind: 'histogram', name, unit, description, labels, buckets };
}

/** For a value that is not in the list, or not among the first. */
export const otherValue = 'other';

/** @returns the value if the list has it, else `other`, which the list must have. */
export function oneOf<Value extends string>(list: readonly Value[], value: string): Value | typeof otherValue {
  return list.find((each) => each === value) ?? otherValue;
}

/** Every combination of the values of closed labels; none where one of them is only bounded. */
export function closedSeries<L extends Labels>(labels: L): readonly ValuesOf<L>[] {
  let series: readonly Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    const list = isClosed(values) ? values : [];
    series = series.flatMap((before) => list.map((value) => ({ ...before, [name]: value })));
  }
  return series as unknown as readonly ValuesOf<L>[];
}

/** Most series that an instrument can ever be at one time. */
export function seriesMax({ labels }: Instrument): number {
  return Object.values(labels).reduce(
    (product, values) => product * (isClosed(values) ? values.length : values.valuesMax + 1),
    1,
  );
}

function isClosed(label: ClosedLabel | BoundedLabel): label is ClosedLabel {
  return Array.isArray(label);
}
