/** Telemetry of a whole process: its text, what leaves it and what does not, and its end. */
import { metrics, trace } from '@opentelemetry/api';
import { expect, onTestFinished, test, vi } from 'vitest';
import { instruments } from '../../src/telemetry/instruments.ts';
import { type SeenDecision, telemetryOfDecisions } from '../../src/telemetry/of-decisions.ts';
import { startTelemetry, type Telemetry } from '../../src/telemetry/start-telemetry.ts';
import { seriesOf } from './measuring.ts';
import { otlpReceiver } from './otlp-receiver.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const proxySpan = 'b7ad6b7169203331';
const denial: SeenDecision = {
  ...{ id: '5c8e1a90-1111-4222-8333-944445555666', timeMs: 1_700_000_000_000, durationUs: 250, verdict: 'deny' },
  ...{ reason: 'tenant-wall', revision: 'r7', traceparent: `00-${traceId}-${proxySpan}-01` },
};

/** The exporters read the environment of the process themselves, so it is set as it would be. */
function start(env: Readonly<Record<string, string>> = {}) {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const told: string[] = [];
  const telemetry = startTelemetry({
    ...{ env: process.env, serviceName: 'coffre-authz-worker' },
    nowMs: Date.now,
    report: (problem) => void told.push(problem),
  });
  onTestFinished(async () => {
    await telemetry.shutdown();
    vi.unstubAllEnvs();
  });
  return { telemetry, told };
}

async function seriesIn(telemetry: Telemetry): Promise<ReadonlyMap<string, number>> {
  return seriesOf(await telemetry.text());
}

test('what the API counts and what is read stand in one text, and the API stands behind it', async () => {
  const { telemetry, told } = start();
  telemetry.meters.count(instruments.xdsStalls)(2, {});
  telemetry.meters.read(instruments.evidenceHead, (tell) => tell(41, {}));
  metrics.getMeter('somebody').createCounter('their_things_total', { description: 'Theirs.' }).add(1);
  const seen = await seriesIn(telemetry);
  expect(seen.get('coffre_xds_write_stalls_total')).toBe(2);
  expect(seen.get('coffre_evidence_head_position')).toBe(41);
  expect(seen.get('their_things_total')).toBe(1);
  expect(told).toEqual([]);
});

test('values that would break a line are escaped', async () => {
  const { telemetry } = start();
  telemetry.meters.read(instruments.sinkLag, (tell) => tell(1, { sink: 'a"\n\\b 1\nforged 2' }));
  const lines = (await telemetry.text()).split('\n').filter((line) => line.includes('forged'));
  expect(lines).toEqual(['coffre_sink_lag_events{sink="a\\"\\n\\\\b 1\\nforged 2"} 1']);
});

test('what cannot be read is left out and told, and all else is there', async () => {
  const { telemetry, told } = start();
  telemetry.meters.read(instruments.evidenceQueue, () => {
    throw new Error('the queue is away');
  });
  telemetry.meters.read(instruments.evidenceHead, (tell) => tell(5, {}));
  const seen = await seriesIn(telemetry);
  expect(seen.get('coffre_evidence_head_position')).toBe(5);
  expect(seen.has('coffre_evidence_queue_events')).toBe(false);
  expect(told).toEqual([expect.stringContaining('the queue is away')]);
});

test('without a word of the environment no span is made', () => {
  expect(start().telemetry.tracer).toBeUndefined();
});

test('with OTEL_SDK_DISABLED instruments take what they are given and keep nothing', async () => {
  const { telemetry } = start({ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'otlp' });
  telemetry.meters.count(instruments.xdsStalls)(2, {});
  expect(telemetry.tracer).toBeUndefined();
  expect(await seriesIn(telemetry)).toEqual(new Map());
});

test('a denial reaches the collector as a span below the proxy’s, with the decision’s id', async () => {
  const collector = await otlpReceiver();
  const { telemetry } = start({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=ops',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
  });
  telemetryOfDecisions(telemetry.meters, telemetry.tracer).decided(denial);
  await telemetry.shutdown();
  expect(collector.spans).toEqual([
    {
      ...{
        traceId,
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
        parentSpanId: proxySpan,
        name: 'coffre.authz.check',
      },
      attributes: {
        'coffre.decision.id': denial.id,
        'coffre.decision.verdict': 'deny',
        'coffre.decision.reason': 'tenant-wall',
        'coffre.revision': 'r7',
      },
      ...{ startNs: 1_699_999_999_999_750_000n, endNs: 1_700_000_000_000_000_000n },
    },
  ]);
  expect(collector.resource).toEqual({ 'service.name': 'coffre-authz-worker', 'deployment.environment': 'test' });
  expect([...collector.headers]).toEqual(['ops']);
});

test.each([
  ['not sampled', `00-${traceId}-${proxySpan}-00`],
  ['no traceparent', `00-${traceId}`],
  ['zeros', `00-${'0'.repeat(32)}-${proxySpan}-01`],
  ['a client’s text', '"><script>'],
])('a request whose traceparent is %s makes no span', async (_, traceparent) => {
  const collector = await otlpReceiver();
  const { telemetry } = start({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  telemetryOfDecisions(telemetry.meters, telemetry.tracer).decided({ ...denial, traceparent });
  await telemetry.shutdown();
  expect(collector.spans).toEqual([]);
});

test('metrics reach the collector by the names that Prometheus is given', async () => {
  const collector = await otlpReceiver();
  const { telemetry } = start({ OTEL_METRICS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  const decisions = telemetryOfDecisions(telemetry.meters, telemetry.tracer);
  decisions.decided(denial);
  telemetry.meters.read(instruments.evidenceHead, (tell) => tell(5, {}));
  await telemetry.shutdown();
  expect([...collector.metrics.values()].sort((a, b) => a.name.localeCompare(b.name))).toEqual([
    { name: 'coffre_authz_check_seconds', unit: 's', shape: 'histogram' },
    { name: 'coffre_authz_checks_shed_total', unit: '{check}', shape: 'sum' },
    { name: 'coffre_authz_decisions_total', unit: '{decision}', shape: 'sum' },
    { name: 'coffre_evidence_head_position', unit: '{record}', shape: 'gauge' },
  ]);
});

test('a collector that is away is told once, and the end does not wait for it', async () => {
  const { telemetry, told } = start({
    ...{ OTEL_METRICS_EXPORTER: 'otlp', OTEL_TRACES_EXPORTER: 'otlp' },
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
  });
  telemetryOfDecisions(telemetry.meters, telemetry.tracer).decided(denial);
  await telemetry.shutdown();
  expect(told.length).toBeGreaterThan(0);
  expect(told.every((line) => /telemetry has trouble|were not exported/.test(line))).toBe(true);
});

test('after the end the API keeps nothing', async () => {
  const { telemetry } = start({ OTEL_TRACES_EXPORTER: 'otlp' });
  await telemetry.shutdown();
  expect(trace.getTracer('x').startSpan('y').isRecording()).toBe(false);
});

test('decisions are counted by verdict and class of reason, and an unknown reason is one of the others', async () => {
  const { telemetry } = start();
  const { decided, shed } = telemetryOfDecisions(telemetry.meters, undefined);
  const { reason: _, ...allow } = { ...denial, verdict: 'allow', rule: 'a' } as const;
  decided(allow);
  decided(allow);
  decided(denial);
  for (const reason of ['made-up', 'made-up-too']) decided({ ...denial, reason });
  decided({ id: '-', timeMs: 0, durationUs: 10, verdict: 'undecodable', why: 'bad-path' });
  decided({ id: '-', timeMs: 0, durationUs: 10, verdict: 'unavailable', why: 'no policy of 10.0.0.7 is known' });
  shed();
  const seen = await seriesIn(telemetry);
  const of = (verdict: string, reason: string) =>
    seen.get(`coffre_authz_decisions_total{verdict="${verdict}",reason="${reason}"}`);
  expect({
    allow: of('allow', 'none'),
    wall: of('deny', 'tenant-wall'),
    other: of('deny', 'other'),
    undecodable: of('undecodable', 'bad-path'),
    unavailable: of('unavailable', 'none'),
    shed: seen.get('coffre_authz_checks_shed_total'),
    checks: seen.get('coffre_authz_check_seconds_count'),
  }).toEqual({ allow: 2, wall: 1, other: 2, undecodable: 1, unavailable: 1, shed: 1, checks: 7 });
});
