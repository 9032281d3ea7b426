/** Load reporting over a real socket, with a client that behaves as Envoy does. */
import { fromBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { LoadReportingService, LoadStatsResponseSchema } from '#gen/envoy/service/load_stats/v3/lrs_pb.js';
import { recheckMs } from '../../src/grpc/report-stream.ts';
import {
  loadAdmissionWaitMs,
  loadIdleIntervalMs,
  loadIntervalMs,
  loadStreamsPerClientMax,
  watchedClustersMax,
} from '../../src/xds/load-limits.ts';
import { createLoadService, type LoadEvent, type LoadPorts, type LoadReport } from '../../src/xds/load-service.io.ts';
import { admitAs, type Reporter, reporter, reportServer } from '../grpc/report-server.ts';
import { TestClock } from './test-clock.ts';

const { streamLoadStats } = LoadReportingService.method;
const web = 'shop/web-0';
const api = 'shop/api/80';

async function started(ports: Partial<LoadPorts> = {}) {
  const clock = new TestClock();
  const reports: LoadReport[] = [];
  const events: LoadEvent[] = [];
  const service = createLoadService({
    clock,
    admit: admitAs,
    reported: (report) => void reports.push(report),
    observe: (event) => void events.push(event),
    ...ports,
  });
  const address = await reportServer((server) => service.addTo(server));
  const open = async (as = web) => {
    const opened = count('opened');
    const stream = reporter(address, streamLoadStats, as);
    stream.send({});
    await expect.poll(() => count('opened')).toBe(opened + 1);
    return stream;
  };
  const count = (kind: LoadEvent['kind']) => events.filter((event) => event.kind === kind).length;
  return { clock, reports, events, service, address, open, count };
}

type Stream = Reporter<typeof streamLoadStats>;

function asked({ answers }: Stream) {
  return answers.map((bytes) => {
    const { clusters, sendAllClusters, loadReportingInterval } = fromBinary(LoadStatsResponseSchema, bytes);
    expect(sendAllClusters).toBe(false);
    return { clusters, intervalMs: Number(loadReportingInterval?.seconds) * 1_000 };
  });
}

const everySecond = (...clusters: readonly string[]) => ({ clusters, intervalMs: loadIntervalMs });
const silence = { clusters: [], intervalMs: loadIdleIntervalMs };

test('a proxy that nobody watches is never answered, so it sets no timer', async () => {
  const { service, open } = await started();
  const [bystander, watched] = [await open('shop/bystander-0'), await open()];
  service.watch([web], api);
  await expect.poll(() => asked(watched)).toEqual([everySecond(api)]);
  expect(asked(bystander)).toEqual([]);
});

test('what is watched is asked for each second, and after the last watcher next to nothing', async () => {
  const { service, open } = await started();
  const stream = await open();
  const [one, same, other] = [api, api, 'shop/db/5432'].map((cluster) => service.watch([web], cluster));
  one?.();
  one?.();
  await expect.poll(() => asked(stream).at(-1)).toEqual(everySecond(api, 'shop/db/5432'));
  other?.();
  await expect.poll(() => asked(stream).at(-1)).toEqual(everySecond(api));
  same?.();
  await expect.poll(() => asked(stream).at(-1)).toEqual(silence);
});

test('a proxy that comes back is asked anew', async () => {
  const { service, open } = await started();
  service.watch([web], api);
  const stream = await open();
  await expect.poll(() => asked(stream)).toEqual([everySecond(api)]);
});

test('a report bears the name of the credentials, and only what was asked for', async () => {
  const { clock, service, open, reports } = await started();
  const stream = await open();
  service.watch([web], api);
  await expect.poll(() => asked(stream)).toHaveLength(1);
  const clusterStats = [
    { clusterName: api, totalDroppedRequests: 3n },
    { clusterName: 'shop/secret/80', totalDroppedRequests: 9n },
  ];
  stream.send({ node: { id: 'shop/somebody-else' }, clusterStats });
  await expect.poll(() => reports).toHaveLength(1);
  expect(reports[0]).toMatchObject({ key: web, cluster: api, dropped: 3, atMs: clock.nowMs() });
});

test('a report that makes no sense is dropped and counted, and the next one is heard', async () => {
  const { service, open, reports, events } = await started();
  const stream = await open();
  service.watch([web], api);
  stream.sendBytes(Buffer.from('no message'));
  stream.sendBytes(Buffer.from('nor this'));
  stream.send({ clusterStats: [{ clusterName: api }] });
  await expect.poll(() => reports).toHaveLength(1);
  expect(events.slice(1)).toEqual([
    { kind: 'report-dropped', key: web, why: 'malformed', count: 1 },
    { kind: 'report-dropped', key: web, why: 'malformed', count: 2 },
  ]);
});

test('nobody in particular is refused, and heard of in the log alone', async () => {
  const { address, events } = await started();
  const stream = reporter(address, streamLoadStats);
  stream.send({});
  expect(await stream.status).toBe(status.UNAUTHENTICATED);
  expect(events).toEqual([
    { kind: 'refused', address: expect.any(String), status: 'UNAUTHENTICATED', reason: 'nobody in particular' },
  ]);
});

test('an admission that fails refuses', async () => {
  const { address } = await started({ admit: () => Promise.reject(new Error('no keys')) });
  const stream = reporter(address, streamLoadStats, web);
  stream.send({});
  expect(await stream.status).toBe(status.UNAUTHENTICATED);
});

test('a caller whose admission takes too long is sent away', async () => {
  let waiting = false;
  const admit = () => {
    waiting = true;
    return new Promise<never>(() => undefined);
  };
  const { address, clock } = await started({ admit });
  const stream = reporter(address, streamLoadStats, web);
  stream.send({});
  await expect.poll(() => waiting).toBe(true);
  clock.advance(loadAdmissionWaitMs);
  expect(await stream.status).toBe(status.DEADLINE_EXCEEDED);
});

test('a stream ends when its credentials do, and no timer is left', async () => {
  const clock = new TestClock();
  const expiresAtMs = clock.nowMs() + 60_000;
  const { open } = await started({ clock, admit: async () => ({ kind: 'client', key: web, expiresAtMs }) });
  const stream = await open();
  clock.advance(60_000);
  expect(await stream.status).toBe(status.UNAUTHENTICATED);
  expect(clock.armed).toBe(0);
});

test('a proxy that is refused when it is judged again is heard no more, and one that nobody can judge is', async () => {
  let verdict: LoadPorts['admit'] = admitAs;
  const { clock, open } = await started({ admit: (caller) => verdict(caller) });
  const [stream, judged] = [await open(), { times: 0 }];
  verdict = () => {
    judged.times += 1;
    return Promise.reject(new Error('the judge is ill'));
  };
  clock.advance(recheckMs);
  await expect.poll(() => judged.times).toBe(1);
  verdict = async () => ({ kind: 'refused', status: 'UNAVAILABLE', reason: 'for too long' });
  await new Promise(setImmediate);
  clock.advance(recheckMs);
  expect(await stream.status).toBe(status.UNAVAILABLE);
  expect(clock.armed).toBe(0);
});

test('a proxy has so many streams and no more, and may have another when one has ended', async () => {
  const { address, open, count } = await started();
  const streams: Stream[] = [];
  for (let opened = 0; opened < loadStreamsPerClientMax; opened += 1) streams.push(await open());
  const oneMore = reporter(address, streamLoadStats, web);
  oneMore.send({});
  expect(await oneMore.status).toBe(status.RESOURCE_EXHAUSTED);
  streams[0]?.end();
  expect(await streams[0]?.status).toBe(status.OK);
  await expect.poll(() => count('closed')).toBe(1);
  await open();
});

test('a proxy is asked of so many clusters and no more', async () => {
  const { service, open, events } = await started();
  const stream = await open();
  for (let cluster = 0; cluster < watchedClustersMax; cluster += 1) service.watch([web], `shop/api/${cluster + 1}`);
  service.watch([web], 'shop/one-too-many/80');
  expect(events.at(-1)).toEqual({ kind: 'watch-refused', key: web, cluster: 'shop/one-too-many/80' });
  await expect.poll(() => asked(stream).at(-1)?.clusters).toHaveLength(watchedClustersMax);
});
