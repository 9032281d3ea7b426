/** Telemetry of a test: real instruments, a reader of its own, no globals; and its numbers, by series. */
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { expect } from 'vitest';
import { Meters } from '../../src/telemetry/meters.ts';
import { Readings } from '../../src/telemetry/readings.ts';

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export interface Measuring {
  readonly meters: Meters;
  /** As a scrape would give them: `name{label="value"}` → value. */
  series(): Promise<ReadonlyMap<string, number>>;
  text(): Promise<string>;
}

export function measuring(): Measuring {
  const readings = new Readings(() => 1_000);
  const reader = new Reader({ metricProducers: [readings] });
  const provider = new MeterProvider({ readers: [reader] });
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const text = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    return serializer.serialize(resourceMetrics);
  };
  return {
    meters: new Meters(provider.getMeter('test'), readings),
    text,
    series: async () => seriesOf(await text()),
  };
}

export function seriesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, series = line, value] = /^(.+) (\S+)$/.exec(line) ?? [];
      return [series, Number(value)] as const;
    }),
  );
}
