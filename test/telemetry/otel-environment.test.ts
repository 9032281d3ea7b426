/** What the standard variables ask for, and what is told of those that ask for something else. */
import { expect, test } from 'vitest';
import { readOtelEnvironment } from '../../src/telemetry/otel-environment.ts';

const read = (env: Record<string, string>) => readOtelEnvironment(env, 'coffre-control-plane');

test('by default nothing leaves', () => {
  expect(read({})).toEqual({
    settings: {
      disabled: false,
      serviceName: 'coffre-control-plane',
      metricsByOtlp: false,
      tracesByOtlp: false,
      metricsEveryMs: 60_000,
      sampling: { kind: 'always' },
      parentBased: true,
      attributes: {},
    },
    problems: [],
  });
});

test('an empty variable is one that is not set', () => {
  expect(read({ OTEL_SERVICE_NAME: ' ', OTEL_TRACES_EXPORTER: '' })).toEqual(read({}));
});

test('exporters, sampler, interval and attributes are as the variables say', () => {
  const env = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example:4318',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_METRIC_EXPORT_INTERVAL: '5000',
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=prod, note=a%2Cb',
    OTEL_SERVICE_NAME: 'mine',
  };
  expect(read(env)).toEqual({
    settings: {
      disabled: false,
      serviceName: 'mine',
      metricsByOtlp: true,
      tracesByOtlp: true,
      metricsEveryMs: 5_000,
      sampling: { kind: 'ratio', ratio: 0.25 },
      parentBased: false,
      attributes: { 'deployment.environment': 'prod', note: 'a,b' },
    },
    problems: [],
  });
});

test.each([
  ['always_on', { kind: 'always' }, false],
  ['always_off', { kind: 'never' }, false],
  ['parentbased_always_on', { kind: 'always' }, true],
  ['parentbased_always_off', { kind: 'never' }, true],
  ['parentbased_traceidratio', { kind: 'ratio', ratio: 1 }, true],
])('the sampler %s is known', (name, sampling, parentBased) => {
  const { settings, problems } = read({ OTEL_TRACES_SAMPLER: name });
  expect({ ...settings, problems }).toMatchObject({ sampling, parentBased, problems: [] });
});

test('`service.name` may stand among the attributes', () => {
  expect(read({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=theirs' }).settings.serviceName).toBe('theirs');
});

test.each([
  [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /`OTEL_TRACES_EXPORTER` is `zipkin` and is ignored; write `otlp` or `none`/],
  [
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    /no traces are exported; only `http\/protobuf`/,
  ],
  [
    { OTEL_METRICS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
    /no metrics are exported; write such/,
  ],
  [{ OTEL_SDK_DISABLED: 'yes' }, /`OTEL_SDK_DISABLED` is `yes`/],
  [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, /write one of always_on, /],
  [{ OTEL_TRACES_SAMPLER: '__proto__' }, /write one of always_on, /],
  [{ OTEL_METRIC_EXPORT_INTERVAL: '10' }, /at least 1000/],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'a' }, /key=value/],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'a=%zz' }, /percent-encoded/],
])('%j is told, and all goes on without it', (env, told) => {
  const { settings, problems } = read(env);
  expect(problems).toEqual([expect.stringMatching(told)]);
  expect(settings).toEqual(read({}).settings);
});

test('a share that is none is told, and everything is sampled', () => {
  const { settings, problems } = read({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' });
  expect(problems).toEqual([expect.stringMatching(/`OTEL_TRACES_SAMPLER_ARG` is `2` and is ignored; write a number/)]);
  expect(settings).toMatchObject({ sampling: { kind: 'ratio', ratio: 1 }, parentBased: false });
});

test('the variable of one signal wins over the common one', () => {
  const env = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
  };
  expect(read(env)).toMatchObject({ settings: { metricsByOtlp: true }, problems: [] });
});
