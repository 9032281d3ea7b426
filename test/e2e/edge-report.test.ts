/** What a real caller's sidecar says of a drilled edge: load reports and the edge log, against what its client measured. */
import { beforeAll, expect, test } from 'vitest';
import { createProbeReader, type ProbeReader } from '../../src/chaos/probe/probe-reader.io.ts';
import { breakerKeys, edgeLogKey } from '../../src/envoy/drill-keys.ts';
import type { TrafficMetric } from '../../src/model/drill.ts';
import { systemClock } from '../../src/system-clock.ts';
import { caller, type EdgeCaller, httpEdge, startCaller, tcpEdge } from './edge-caller.ts';

/** Longest wait for something to show, in ms: a poll's bound, not a measurement. */
const showMs = 20_000;

const logged = { [edgeLogKey(httpEdge)]: 100, [edgeLogKey(tcpEdge)]: 100 };
const tripped = { [breakerKeys(httpEdge).maxRequests]: 0, [breakerKeys(tcpEdge).maxConnections]: 0 };

let sidecar: EdgeCaller;
let probes: ProbeReader;

beforeAll(async () => {
  sidecar = await startCaller();
  probes = createProbeReader({
    clock: systemClock,
    rules: () => ({ probeTargets: new Set() }),
    watchLoads: (proxies, cluster) => sidecar.loads.watch(proxies, cluster),
    observe: () => undefined,
  });
  sidecar.tell(probes);
  return () => sidecar.stop();
}, 60_000);

/** A look at the traffic since a moment, as the engine takes it. */
function look(metric: TrafficMetric, cluster: string, sinceMs: number): Promise<number | undefined> {
  const source = { kind: 'traffic', metric, group: 'experiment' } as const;
  const probe = { name: metric, phases: [], source, tolerance: {}, intervalMs: 10_000, silenceMs: 10_000 };
  return probes.read(probe, edgeOf(cluster, sinceMs), new AbortController().signal);
}

/** The moment from which on traffic is looked at, once a report has come that begins after it: the one under way may be left out. */
async function beginning(cluster: string): Promise<number> {
  const beganMs = Date.now();
  expect(await look('requestsPerSecond', cluster, beganMs)).toBeUndefined();
  await expect.poll(() => look('requestsPerSecond', cluster, beganMs), { timeout: showMs }).toBe(0);
  return beganMs;
}

function edgeOf(cluster: string, sinceMs: number) {
  return { drill: `of/${cluster}`, clusters: [cluster], experiment: [caller], control: [], sinceMs };
}

const isServed = () =>
  sidecar.ask('/').then(
    ({ status }) => status === 200,
    () => false,
  );

async function askTimes(times: number, path: string) {
  const answers = [];
  for (let asked = 0; asked < times; asked += 1) answers.push(await sidecar.ask(path));
  return answers;
}

/** A record that was owed before these would have come with them. */
const recordsOf = (cluster: string) => sidecar.records.filter((record) => record.cluster === cluster);

test('outside a drill nothing is reported and nothing logged; within, each request, and as long as it took', async () => {
  await expect.poll(isServed, { timeout: showMs }).toBe(true);
  await askTimes(5, '/1');
  // That of load reports: the log has none before it has something to say.
  expect(sidecar.events).toEqual([{ kind: 'opened', key: caller, address: expect.any(String) }]);
  expect([sidecar.reports, sidecar.records]).toEqual([[], []]);
  await sidecar.setRuntime(logged);
  const beganMs = await beginning(httpEdge);
  const waits = [5, 10, 20, 40, 80];
  const answers = (await Promise.all(waits.map((ms) => askTimes(4, `/${ms}`)))).flat();
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));

  await expect.poll(() => recordsOf(httpEdge).length, { timeout: showMs }).toBe(answers.length);
  for (const record of recordsOf(httpEdge)) {
    expect(record).toMatchObject({ proxy: caller, protocol: 'http', status: 200, flags: [] });
    expect(record.upstreamHost).toMatch(/^127\.0\.0\.1:\d+$/);
  }
  // The sidecar stands between the client's watch and the server's: its quantiles lie between what these two know.
  const took = answers.map(({ durationMs }) => durationMs).sort((one, other) => one - other);
  for (const [metric, rank] of [
    ['p50', 10],
    ['p95', 19],
    ['p99', 20],
  ] as const) {
    const latency = await look(metric, httpEdge, beganMs);
    expect(latency, metric).toBeGreaterThanOrEqual((waits[Math.ceil(rank / 4) - 1] ?? 0) - 1);
    expect(latency, metric).toBeLessThanOrEqual(took[rank - 1] ?? 0);
  }
  await expect.poll(() => look('successRate', httpEdge, beganMs), { timeout: showMs }).toBe(1);
  expect(await look('overflows', httpEdge, beganMs)).toBe(0);
});

test('what an HTTP breaker refuses is logged with `UO`, and reported as dropped and failed, not as issued', async () => {
  await sidecar.setRuntime({ ...logged, ...tripped });
  const beganMs = await beginning(httpEdge);
  const reported = sidecar.reports.length;
  const before = recordsOf(httpEdge).length;
  expect((await askTimes(6, '/1')).map(({ status }) => status)).toEqual(Array(6).fill(503));
  await expect.poll(() => probes.overflows(edgeOf(httpEdge, beganMs)), { timeout: showMs }).toBe(6);
  const loads = sidecar.reports.slice(reported).filter(({ cluster }) => cluster === httpEdge);
  const sum = (of: 'dropped' | 'failed' | 'issued') => loads.reduce((total, load) => total + load[of], 0);
  expect([sum('dropped'), sum('failed'), sum('issued')]).toEqual([6, 6, 0]);
  expect(await look('errorRate', httpEdge, beganMs)).toBe(1);
  await expect.poll(() => recordsOf(httpEdge).length, { timeout: showMs }).toBe(before + 6);
  for (const record of recordsOf(httpEdge).slice(before)) expect(record).toMatchObject({ status: 503, flags: ['UO'] });
});

test('of a TCP edge the log tells what load reports do not: who was connected, and whom the breaker refused', async () => {
  await sidecar.setRuntime(logged);
  const beganMs = await beginning(tcpEdge);
  expect([await sidecar.dial(), await sidecar.dial()]).toEqual(['hello', 'hello']);
  await sidecar.setRuntime({ ...logged, ...tripped });
  expect([await sidecar.dial(), await sidecar.dial()]).toEqual(['', '']);
  await expect.poll(() => look('successRate', tcpEdge, beganMs), { timeout: showMs }).toBe(0.5);
  expect(probes.overflows(edgeOf(tcpEdge, beganMs))).toBe(2);
  const told = recordsOf(tcpEdge).map(({ moment, flags }) => [moment, ...flags].join(' '));
  expect(told.filter((words) => words === 'connected')).toHaveLength(2);
  expect(told.filter((words) => words === 'end UO')).toHaveLength(2);
  const loads = sidecar.reports.filter(({ cluster }) => cluster === tcpEdge);
  expect(loads.every(({ succeeded, failed, dropped }) => succeeded + failed + dropped === 0)).toBe(true);
});

test('when the key goes, so does the log', async () => {
  // An ACK comes some moments before Envoy's threads know: one round may tell of a request too many, not every one.
  const toldWithoutKey = async () => {
    await sidecar.setRuntime({});
    const before = recordsOf(httpEdge).length;
    await askTimes(10, '/1');
    await sidecar.setRuntime(logged);
    const since = () => recordsOf(httpEdge).slice(before);
    const isLong = ({ durationMs }: { readonly durationMs: number }) => durationMs >= 80;
    const askLong = async () => {
      await askTimes(1, '/80');
      return since().some(isLong);
    };
    await expect.poll(askLong, { timeout: showMs }).toBe(true);
    return since().filter((record) => !isLong(record)).length;
  };
  await expect.poll(toldWithoutKey, { timeout: showMs }).toBe(0);
});
