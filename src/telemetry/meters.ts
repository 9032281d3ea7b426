/**
 * Instruments that are alive: what happens is added by the OpenTelemetry API, what *is* gets read when somebody asks.
 *
 *   count(instrument) ───▶ add(1, labels) ──────▶ OpenTelemetry API ─┐
 *   measure(instrument) ─▶ record(0.2, labels) ─▶ OpenTelemetry API ─┼─▶ readers
 *   read(instrument, …) ─────────────────────────▶ readings.ts ──────┘
 */
import type { Attributes, Meter } from '@opentelemetry/api';
import {
  type CounterOf,
  closedSeries,
  type GaugeOf,
  type HistogramOf,
  type Labels,
  type ReadCounterOf,
} from './instrument.ts';
import type { Read, Readings, Tell } from './readings.ts';

export class Meters {
  readonly #meter: Meter;
  readonly #readings: Readings;

  constructor(meter: Meter, readings: Readings) {
    this.#meter = meter;
    this.#readings = readings;
  }

  /** Series of closed labels begin at 0, so that the first event of a kind is a change and not a beginning. */
  count<L extends Labels>({ name, unit, description, labels }: CounterOf<L>): Tell<L> {
    const counter = this.#meter.createCounter(name, { unit, description });
    for (const series of closedSeries(labels)) counter.add(0, series as Attributes);
    return (value, series) => counter.add(value, series as Attributes);
  }

  measure<L extends Labels>({ name, unit, description, buckets }: HistogramOf<L>): Tell<L> {
    const advice = { explicitBucketBoundaries: [...buckets] };
    const histogram = this.#meter.createHistogram(name, { unit, description, advice });
    return (value, series) => histogram.record(value, series as Attributes);
  }

  /** @param read asked with every collection, by each reader. */
  read<L extends Labels>(instrument: GaugeOf<L> | ReadCounterOf<L>, read: Read<L>): void {
    this.#readings.add(instrument, read);
  }
}
