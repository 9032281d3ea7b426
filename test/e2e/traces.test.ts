/**
 * One request, one trace: through the caller's sidecar, the destination's and the worker that judged it, at a collector;
 * and the denial that is kept as evidence names it.
 *
 *   web ──traceparent──▶ sidecar ──▶ sidecar ──▶ worker       all three ──OTLP──▶ collector       denial: trace, decision
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import { createTestAuthority } from '../authz/support/pki.ts';
import { spansIn } from '../telemetry/otlp-receiver.ts';
import { inLab } from './differential/in-lab.ts';
import { jsonLines } from './steady.ts';
import { showMs, WatchedMesh } from './watched-mesh.ts';

const collectorName = 'collector.example';
const traced = '0af7651916cd43dd8448eb211c80319c';
const sampled = (trace: string) => `traceparent: 00-${trace}-b7ad6b7169203331-01`;
/** Longest wait for the collector, in ms. */
const startMs = 20_000;

const tracing = `  tracing: { collector: { address: 10.99.0.1, serverName: ${collectorName} }, samplePercent: 0 }\n`;

inLab('a traced mesh', () => {
  let mesh: WatchedMesh;
  let collector: LabProcess;

  async function startCollector(lab: Lab): Promise<void> {
    const authority = await createTestAuthority();
    const leaf = await authority.issue({ type: 'dns', value: collectorName });
    const file = (name: string) => join(lab.dir, name);
    writeFileSync(file('system-ca.pem'), authority.caPem);
    writeFileSync(file('collector.pem'), leaf.certificatePem);
    writeFileSync(file('collector.key'), leaf.keyPem);
    const script = fileURLToPath(new URL('./otlp-collector.ts', import.meta.url));
    const flags = ['--address', lab.host.ipv4, '--cert', file('collector.pem'), '--key', file('collector.key')];
    const argv = [process.execPath, script, ...flags];
    collector = await lab.spawn({ in: hostPlace, argv, confined: false, name: 'collector' });
    await collector.waitForLine(/^ready$/, startMs);
  }

  beforeAll(async () => {
    mesh = await WatchedMesh.start({
      mesh: tracing,
      prepare: startCollector,
      env: ({ dir, host }) => ({
        COFFRE_SYSTEM_CA: join(dir, 'system-ca.pem'),
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host.ipv4}:4318`,
      }),
    });
  });
  afterAll(() => mesh?.stop());

  const spans = () =>
    jsonLines<{ readonly bytes: string }>(collector.stdoutPath)
      .flatMap(({ bytes }) => spansIn(Buffer.from(bytes, 'base64')))
      .flatMap((one) => one.spans.map((span) => ({ ...span, service: one.resource['service.name'] })));
  const spansOf = (trace: string) => spans().filter(({ traceId }) => traceId === trace);

  test.for([
    ['/open/1', 200, 'allow'],
    ['/admin/1', 403, undefined],
  ] as const)(
    'of %s one trace goes through both sidecars to its verdict, under the id of its decision',
    async ([path, status, verdict]) => {
      const trace = path === '/open/1' ? traced : traced.replace('0af7', '1bf7');
      const answer = await mesh.ask('shop/web-0', '-H', sampled(trace), `http://api${path}`);
      // A refusal tells its caller, an allowed request the application.
      const id = answer.header('x-coffre-decision') ?? mesh.lab.pod('shop/api-0').app.requests().at(-1)?.id;
      expect(answer.status).toBe(status);
      // What the proxy's own rules refuse, no worker is asked.
      const services = ['shop/web', 'shop/api', ...(verdict === undefined ? [] : ['coffre-authz-worker'])];
      const seen = () => new Set(spansOf(trace).map(({ service }) => service));
      await expect.poll(seen, { timeout: showMs }).toEqual(new Set(services));
      const of = (service: string) => spansOf(trace).filter((span) => span.service === service);
      const [caller] = of('shop/web');
      const [callee] = of('shop/api').filter(({ parentSpanId }) => parentSpanId === caller?.spanId);
      expect(caller?.parentSpanId).toBe('b7ad6b7169203331');
      expect(callee?.attributes['coffre.decision']).toBe(id ?? callee?.attributes['coffre.decision']);
      expect(callee?.attributes['coffre.decision']).toMatch(/^[0-9a-f-]{36}$/);
      if (verdict === undefined) return;
      const [check] = of('coffre-authz-worker');
      expect(check).toMatchObject({
        name: 'coffre.authz.check',
        attributes: {
          'coffre.decision.id': id,
          'coffre.decision.verdict': verdict,
        },
      });
      expect(of('shop/api').map(({ spanId }) => spanId)).toContain(check?.parentSpanId);
    },
  );

  test('the denial that is kept names its trace, and is found by it', async () => {
    const trace = traced.replace('0af7', '2cf7');
    const refused = await mesh.ask('shop/web-0', '-H', sampled(trace), 'http://api/admin/2');
    await expect
      .poll(() => mesh.events(trace), { timeout: showMs })
      .toMatchObject([
        {
          event: {
            kind: 'denial',
            trace,
            decision: refused.header('x-coffre-decision'),
            request: { path: '/admin/2' },
          },
        },
      ]);
  });

  test('of a request without a trace, at a share of none, no span is sent', async () => {
    expect((await mesh.ask('shop/web-0', 'http://api/open/untraced')).status).toBe(200);
    // Spans that were owed before this one's would have come with it.
    const trace = traced.replace('0af7', '3df7');
    await mesh.ask('shop/web-0', '-H', sampled(trace), 'http://api/open/2');
    await expect.poll(() => spansOf(trace).length, { timeout: showMs }).toBeGreaterThan(2);
    expect(spans().filter(({ traceId }) => !traceId.endsWith(traced.slice(4)))).toEqual([]);
  });
});
