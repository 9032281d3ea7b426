/** Probes against real servers on loopback, which the mesh of the test names. */
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  Health,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from '#gen/grpc/health/v1/health_pb.js';
import { createProbeReader, type ProbeEvent } from '../../../src/chaos/probe/probe-reader.io.ts';
import { serviceDefinition } from '../../../src/grpc/service-definition.ts';
import type { Probe, ProbeSource } from '../../../src/model/drill.ts';
import { api, edge, report, request, startMs } from './edge-traffic.ts';

let rules: { probeTargets: Set<string>; prometheusUrl?: string };
let events: ProbeEvent[];
let asked: string[];
let nowMs: number;
const never = new AbortController().signal;

beforeEach(() => {
  rules = { probeTargets: new Set() };
  events = [];
  asked = [];
  nowMs = startMs;
});

function reader() {
  return createProbeReader({
    clock: { nowMs: () => nowMs },
    rules: () => rules,
    watchLoads(proxies, cluster) {
      asked.push(`${cluster} of ${proxies.join(' ')}`);
      return () => undefined;
    },
    observe: (event) => void events.push(event),
  });
}

function probe(source: ProbeSource, intervalMs = 5_000): Probe {
  return { name: 'it', phases: ['during'], source, tolerance: { atLeast: 1 }, intervalMs, silenceMs: 5_000 };
}

const look = (source: ProbeSource, intervalMs?: number) => reader().look(probe(source, intervalMs), edge(), never);
const is = (value: number) => ({ kind: 'value', value });
const none = (why: string) => ({ kind: 'none', why: expect.stringContaining(why) });

/** @returns the origin of a server, which the mesh names. */
async function served(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  rules.probeTargets.add(origin);
  return origin;
}

const answer =
  (code: number, headers = {}) =>
  (_request: unknown, response: ServerResponse) =>
    void response.writeHead(code, headers).end('body');

describe('an HTTP probe', () => {
  const http = (url: string, more: Partial<ProbeSource & { kind: 'http' }> = {}): ProbeSource => {
    return { kind: 'http', url, expectStatus: 200, metric: 'success', ...more };
  };

  test('is 1 where the status is the expected one, and 0 where it is not', async () => {
    const origin = await served(answer(204));
    expect(await look(http(`${origin}/`, { expectStatus: 204 }))).toEqual(is(1));
    expect(await look(http(`${origin}/`))).toEqual(is(0));
  });

  test('takes a redirect for the answer that it is, and asks nobody else', async () => {
    let askedElsewhere = false;
    const elsewhere = await served((_request, response) => {
      askedElsewhere = true;
      response.end();
    });
    const origin = await served(answer(302, { location: elsewhere }));
    expect(await look(http(origin))).toEqual(is(0));
    expect(askedElsewhere).toBe(false);
  });

  test('measures the latency of the expected answer, of which a quick error has none', async () => {
    const origin = await served((_request, response) => void setTimeout(() => response.end(), 30));
    const reading = await look(http(origin, { metric: 'latency' }));
    expect(reading).toEqual(is(expect.any(Number)));
    expect(reading.kind === 'value' ? reading.value : 0).toBeGreaterThanOrEqual(25);
    expect(await look(http(await served(answer(500)), { metric: 'latency' }))).toEqual(none('the status is 500'));
  });

  test('does not read what it has no use for', async () => {
    let ended = false;
    const origin = await served((_request, response) => {
      response.on('close', () => {
        ended = true;
      });
      const more = () =>
        void (response.write(Buffer.alloc(65_536)) ? setImmediate(more) : response.once('drain', more));
      more();
    });
    expect(await look(http(origin))).toEqual(is(1));
    await expect.poll(() => ended).toBe(true);
  });

  test('is silent where nobody answers within its interval, or at all', async () => {
    const origin = await served(() => undefined);
    expect(await look(http(origin), 100)).toEqual(none('no answer within 100 ms'));
    rules.probeTargets.add('http://127.0.0.1:1');
    expect(await look(http('http://127.0.0.1:1/'))).toEqual(none('ECONNREFUSED'));
  });

  test('asks nobody whom the mesh does not name, or whose name leads to this machine', async () => {
    let requests = 0;
    const origin = await served((_request, response) => {
      requests += 1;
      response.end();
    });
    const byName = origin.replace('127.0.0.1', 'localhost');
    rules.probeTargets.add(byName);
    expect(await look(http(byName))).toEqual(none('resolves to no address that a probe may ask'));
    rules.probeTargets.clear();
    expect(await look(http(origin))).toEqual(none('not among the probe targets'));
    expect(requests).toBe(0);
    expect(events.at(-1)).toEqual({ kind: 'no-reading', drill: 'shop/cut', probe: 'it', why: expect.any(String) });
  });

  test('ends with whoever asked', async () => {
    const origin = await served(() => undefined);
    const controller = new AbortController();
    const reading = reader().look(probe(http(origin)), edge(), controller.signal);
    controller.abort();
    expect(await reading).toMatchObject({ kind: 'none' });
  });
});

describe('a gRPC health probe', () => {
  async function health(said: Serving | 'unimplemented'): Promise<string> {
    const server = new Server();
    server.addService(serviceDefinition(Health, {}), {
      check: (_call: unknown, callback: (error: object | null, answer?: object) => void) =>
        said === 'unimplemented'
          ? callback({ code: status.UNIMPLEMENTED, details: 'no' })
          : callback(null, create(HealthCheckResponseSchema, { status: said })),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    onTestFinished(() => server.forceShutdown());
    rules.probeTargets.add(`127.0.0.1:${port}`);
    return `127.0.0.1:${port}`;
  }
  const source = (address: string): ProbeSource => ({ kind: 'grpcHealth', address, service: 'shop.v1.Cart' });

  test('is 1 where the service serves, and 0 where it says that it does not, or cannot say', async () => {
    expect(await look(source(await health(Serving.SERVING)))).toEqual(is(1));
    expect(await look(source(await health(Serving.NOT_SERVING)))).toEqual(is(0));
    expect(await look(source(await health('unimplemented')))).toEqual(is(0));
  });

  test('is silent where nobody answers, and asks nobody whom the mesh does not name', async () => {
    rules.probeTargets.add('127.0.0.1:1');
    expect(await look(source('127.0.0.1:1'), 500)).toEqual(none('no answer'));
    expect(await look(source('127.0.0.1:2'))).toEqual(none('not among the probe targets'));
  });
});

describe('a PromQL probe', () => {
  const source: ProbeSource = { kind: 'promql', query: 'sum(rate(orders_total{job="a b"}[1m]))' };

  test('asks the Prometheus of the mesh, below its base path, and takes its one number', async () => {
    const queries: string[] = [];
    const origin = await served(({ url = '' }, response) => {
      const { pathname, searchParams } = new URL(url, 'http://prometheus');
      queries.push(`${pathname} ${searchParams.get('query')}`);
      response.end(
        JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [{ value: [1, '12.5'] }] } }),
      );
    });
    rules = { probeTargets: new Set(), prometheusUrl: `${origin}/prometheus/` };
    expect(await look(source)).toEqual(is(12.5));
    expect(queries).toEqual([`/prometheus/api/v1/query ${source.query}`]);
  });

  test('is silent without a Prometheus, and where the answer is longer than one number can be', async () => {
    expect(await look(source)).toEqual(none('names no Prometheus'));
    const origin = await served((_request, response) => void response.end(' '.repeat(100_000)));
    rules = { probeTargets: new Set(), prometheusUrl: origin };
    expect(await look(source)).toEqual(none('longer than'));
  });
});

describe('a traffic probe', () => {
  const traffic = (metric: (ProbeSource & { kind: 'traffic' })['metric'], group: 'experiment' | 'control' | 'all') =>
    probe({ kind: 'traffic', metric, group }, 1_000);

  test('has its callers report, and tells each group apart', async () => {
    const probes = reader();
    expect(await probes.read(traffic('errorRate', 'experiment'), edge(), never)).toBeUndefined();
    expect(asked).toEqual([`${api} of a c`]);
    nowMs = startMs + 2_000;
    probes.load(report('a', 2_000, { succeeded: 1, failed: 3, dropped: 3 }));
    probes.load(report('c', 2_000, { succeeded: 4 }));
    probes.record(request('a', 2_000, 70));
    expect(await probes.read(traffic('errorRate', 'experiment'), edge(), never)).toBe(0.75);
    expect(await probes.read(traffic('errorRate', 'control'), edge(), never)).toBe(0);
    expect(await probes.read(traffic('errorRate', 'all'), edge(), never)).toBe(0.375);
    expect(await probes.read(traffic('p95', 'all'), edge(), never)).toBe(70);
    expect(await probes.read(traffic('p95', 'control'), edge(), never)).toBeUndefined();
    expect(probes.overflows(edge())).toBe(3);
  });

  test('looks no further back than its phase, nor than some seconds', async () => {
    const probes = reader();
    await probes.read(traffic('errorRate', 'all'), edge(), never);
    probes.load(report('a', 2_000, { failed: 1 }));
    nowMs = startMs + 2_500;
    expect(await probes.read(traffic('errorRate', 'all'), edge(), never)).toBe(1);
    expect(await probes.read(traffic('errorRate', 'all'), edge({ sinceMs: nowMs }), never)).toBeUndefined();
    nowMs = startMs + 60_000;
    expect(await probes.read(traffic('errorRate', 'all'), edge(), never)).toBeUndefined();
  });
});
