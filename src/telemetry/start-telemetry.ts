/**
 * Telemetry of one process, from its start to its end.
 *
 *   instruments ──▶ Meters ──┬──▶ text(): Prometheus, served by whoever has a door
 *   spans ────────▶ tracer ──┴──▶ OTLP over HTTP, only where `OTEL_*` asks for it
 *
 * Nothing leaves the process by itself, no port is opened here, and nothing of it can stop a start or hold up an end.
 */
import { createNoopMeter, DiagLogLevel, diag, metrics, type Tracer, trace } from '@opentelemetry/api';
import { callWithTimeout } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  type IMetricReader,
  MeterProvider,
  MetricReader,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { Meters } from './meters.ts';
import { type Environment, type OtelSettings, readOtelEnvironment } from './otel-environment.ts';
import { Readings } from './readings.ts';
import { scopeName } from './scope-name.ts';
import { troubleTeller } from './trouble-teller.ts';

/** Longest that the end of the process waits for the last export, in ms. */
const flushMs = 2_000;
/** Longest that a collection for the text may take, in ms: Prometheus gives up after 10 s. */
const collectMs = 3_000;
/** Longest that one export of metrics may take, in ms; never longer than until the next. */
const exportMs = 10_000;
/** Spans that wait for their export, and those of one; what is beyond is dropped. */
const spansWaitingMax = 2_048;
const spansPerExportMax = 512;
/** Longest that a span waits for company, in ms. */
const spansEveryMs = 1_000;

/** Of what `text()` gives. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

export interface TelemetryOptions {
  /** The process's own: the OTLP exporters read `OTEL_EXPORTER_OTLP_*` from it by themselves. */
  readonly env: Environment;
  /** Where `OTEL_SERVICE_NAME` does not say. */
  readonly serviceName: 'coffre-control-plane' | 'coffre-authz-worker';
  /** Epoch ms. */
  nowMs(): number;
  /** Told which variable was ignored, and of exports that fail. Must not throw. */
  report(problem: string): void;
}

export interface Telemetry {
  readonly meters: Meters;
  /** Undefined where no span goes anywhere, so that none is made. */
  readonly tracer: Tracer | undefined;
  /** Prometheus text format 0.0.4, of this moment; what cannot be read is left out and reported. */
  text(): Promise<string>;
  /** Exports what was measured last, for as long as `flushMs`. Never rejects. */
  shutdown(): Promise<void>;
}

/** Once in a process: it becomes what stands behind the OpenTelemetry API. */
export function startTelemetry({ env, serviceName, nowMs, report }: TelemetryOptions): Telemetry {
  const { settings, problems } = readOtelEnvironment(env, serviceName);
  for (const problem of problems) report(problem);
  const trouble = troubleTeller(nowMs, report);
  diag.setLogger(trouble, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  if (settings.disabled) return disabledTelemetry(nowMs);

  const resource = resourceFromAttributes({ ...settings.attributes, [ATTR_SERVICE_NAME]: settings.serviceName });
  const readings = new Readings(nowMs);
  const reader = new TextReader({ metricProducers: [readings] });
  const exporter = settings.metricsByOtlp ? [otlpReader(settings, readings)] : [];
  const meterProvider = new MeterProvider({ resource, readers: [reader, ...exporter] });
  metrics.setGlobalMeterProvider(meterProvider);
  const tracerProvider = settings.tracesByOtlp ? otlpTracer(settings, resource) : undefined;
  if (tracerProvider !== undefined) trace.setGlobalTracerProvider(tracerProvider);
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);

  return {
    meters: new Meters(metrics.getMeter(scopeName), readings),
    tracer: tracerProvider && trace.getTracer(scopeName),
    async text() {
      const { resourceMetrics, errors } = await reader.collect({ timeoutMillis: collectMs });
      for (const error of errors) trouble.error(String(error));
      return serializer.serialize(resourceMetrics);
    },
    async shutdown() {
      const ends = [meterProvider.shutdown({ timeoutMillis: flushMs }), tracerProvider?.shutdown()];
      await callWithTimeout(Promise.all(ends), flushMs).catch((cause: unknown) =>
        report(`the last measurements were not exported (${String(cause)}); look at the collector`),
      );
      metrics.disable();
      trace.disable();
      diag.disable();
    },
  };
}

/** `OTEL_SDK_DISABLED`: instruments take what they are given and keep nothing. */
function disabledTelemetry(nowMs: () => number): Telemetry {
  return {
    meters: new Meters(createNoopMeter(), new Readings(nowMs)),
    tracer: undefined,
    text: async () => '# telemetry is off: OTEL_SDK_DISABLED\n',
    shutdown: async () => diag.disable(),
  };
}

/** Collects when it is asked, and has nothing to flush. */
class TextReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function otlpReader({ metricsEveryMs }: OtelSettings, readings: Readings): IMetricReader {
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis: metricsEveryMs,
    exportTimeoutMillis: Math.min(exportMs, metricsEveryMs),
    metricProducers: [readings],
  });
}

function otlpTracer(settings: OtelSettings, resource: Resource): TracerProvider {
  return new TracerProvider({
    resource,
    sampler: samplerOf(settings),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        maxQueueSize: spansWaitingMax,
        maxExportBatchSize: spansPerExportMax,
        scheduledDelayMillis: spansEveryMs,
        exportTimeoutMillis: exportMs,
      }),
    ],
  });
}

function samplerOf({ sampling, parentBased }: OtelSettings): Sampler {
  const root = rootSampler(sampling);
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(sampling: OtelSettings['sampling']): Sampler {
  switch (sampling.kind) {
    case 'always':
      return new AlwaysOnSampler();
    case 'never':
      return new AlwaysOffSampler();
    case 'ratio':
      return new TraceIdRatioBasedSampler(sampling.ratio);
  }
}
