/**
 * Levels, and counts that somebody else keeps: read when a reader asks, told as they are at that moment.
 *
 *   read(instrument, tell) … collect() ──▶ tell ──▶ data points
 *
 * The surprise: they do not go through the observable instruments of the OpenTelemetry API. The SDK goes on telling a set
 * of labels that was observed once (sdk-metrics 3.1.0: a revision that is no longer in force stays at 1, a tenant that
 * left keeps its certificate), so they reach the readers by the SDK's own port for measurements made elsewhere.
 */
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import { callWithTimeout, millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { GaugeOf, Labels, ReadCounterOf, ValuesOf } from './instrument.ts';
import { scopeName } from './scope-name.ts';

/** Longest that one level may take to be read, in ms; the others are told without it. */
const readMs = 1_000;

/** Takes one value. Called once for each set of labels; what is not told is not there. */
export type Tell<L extends Labels> = (value: number, labels: ValuesOf<L>) => void;

/** Where it throws or rejects, the other instruments are told all the same. */
export type Read<L extends Labels> = (tell: Tell<L>) => void | Promise<void>;

interface Reading {
  readonly instrument: GaugeOf<Labels> | ReadCounterOf<Labels>;
  readonly read: (tell: (value: number, labels: Attributes) => void) => void | Promise<void>;
}

export class Readings implements MetricProducer {
  readonly #nowMs: () => number;
  readonly #startedAt: HrTime;
  readonly #readings: Reading[] = [];

  /** @param nowMs epoch ms. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#startedAt = millisToHrTime(nowMs());
  }

  add<L extends Labels>(instrument: GaugeOf<L> | ReadCounterOf<L>, read: Read<L>): void {
    this.#readings.push({ instrument, read: (tell) => read((value, labels) => tell(value, labels as Attributes)) });
  }

  async collect(): Promise<CollectionResult> {
    const endTime = millisToHrTime(this.#nowMs());
    const taken = await Promise.allSettled(this.#readings.map((reading) => this.#take(reading, endTime)));
    const metrics = taken.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    return {
      resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: { name: scopeName }, metrics }] },
      errors: taken.flatMap((each) => (each.status === 'rejected' ? [each.reason] : [])),
    };
  }

  async #take({ instrument, read }: Reading, endTime: HrTime): Promise<MetricData> {
    const { kind, name, unit, description } = instrument;
    const dataPoints: { startTime: HrTime; endTime: HrTime; attributes: Attributes; value: number }[] = [];
    const reading = read((value, attributes) => {
      dataPoints.push({ startTime: this.#startedAt, endTime, attributes, value });
    });
    if (reading !== undefined) await callWithTimeout(reading, readMs);
    const common = {
      descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
      dataPoints,
    };
    return kind === 'gauge'
      ? { ...common, dataPointType: DataPointType.GAUGE }
      : { ...common, dataPointType: DataPointType.SUM, isMonotonic: true };
  }
}
