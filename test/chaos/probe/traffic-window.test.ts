import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { quantile } from '../../../src/chaos/probe/quantile.ts';
import { Recent } from '../../../src/chaos/probe/recent.ts';
import { TrafficWindow } from '../../../src/chaos/probe/traffic-window.ts';
import { api, connection, question, report, request, startMs } from './edge-traffic.ts';

let window: TrafficWindow;
beforeEach(() => {
  window = new TrafficWindow();
  window.keep(api, startMs);
});

const none = { kind: 'none', why: expect.any(String) };
const is = (value: number) => ({ kind: 'value', value });

describe('rates', () => {
  test('are of the tries of the group, and of nobody else', () => {
    window.load(report('a', 1_000, { issued: 8, succeeded: 6, failed: 2 }));
    window.load(report('b', 1_000, { issued: 2, succeeded: 2 }));
    window.load(report('stranger', 1_000, { issued: 90, failed: 90 }));
    expect(window.read('successRate', question({ a: 1, b: 1 }))).toEqual(is(0.8));
    expect(window.read('errorRate', question({ a: 1, b: 1 }))).toEqual(is(0.2));
    expect(window.read('requestsPerSecond', question({ a: 1, b: 1 }))).toEqual(is(10));
  });

  test('count a refused request once, as Envoy calls it an error too', () => {
    window.load(report('a', 1_000, { issued: 5, succeeded: 5, failed: 5, dropped: 5 }));
    expect(window.read('errorRate', question({ a: 1 }))).toEqual(is(0.5));
    expect(window.read('requestsPerSecond', question({ a: 1 }))).toEqual(is(10));
  });

  test('weigh a proxy that stands for others', () => {
    window.load(report('a', 1_000, { issued: 1, succeeded: 1 }));
    window.load(report('c', 1_000, { issued: 1, failed: 1 }));
    expect(window.read('successRate', question({ a: 3, c: 1, d: 0 }))).toEqual(is(0.75));
    expect(window.read('requestsPerSecond', question({ a: 3, c: 1, d: 0 }))).toEqual(is(4));
  });

  test('know silence, which has no value, from a quiet second, which has a rate and no share', () => {
    expect(window.read('requestsPerSecond', question({ a: 1 }))).toEqual(none);
    window.load(report('a', 1_000));
    expect(window.read('requestsPerSecond', question({ a: 1 }))).toEqual(is(0));
    expect(window.read('successRate', question({ a: 1 }))).toEqual(none);
    expect(window.read('errorRate', question({ a: 1 }))).toEqual(none);
  });

  test('leave out what came before, and a report that is mostly about before', () => {
    window.load(report('a', 1_000, { succeeded: 9 }));
    window.load(report('a', 2_400, { failed: 9 }));
    window.load(report('a', 3_400, { succeeded: 9 }));
    expect(window.read('errorRate', question({ a: 1 }, 2_000))).toEqual(is(0));
    expect(window.read('errorRate', question({ a: 1 }, 1_900))).toEqual(is(0.5));
    expect(window.read('errorRate', question({ a: 1 }, 4_000))).toEqual(none);
  });

  test('of connections come from the log: one succeeds by standing, and what ends later is no failure', () => {
    window.load(report('a', 1_000, { issued: 3 }));
    for (const moment of ['connected', 'end', 'connected', 'end'] as const) window.record(connection('a', 900, moment));
    window.record(connection('a', 900, 'connected'));
    window.record(connection('a', 901, 'end', 'DC'));
    window.record(connection('a', 902, 'end', 'UO'));
    expect(window.read('successRate', question({ a: 1 }))).toEqual(is(0.75));
    expect(window.read('overflows', question({ a: 1 }))).toEqual(is(1));
  });
});

describe('overflows', () => {
  test('are counted from a moment on, for longer than reports are kept', () => {
    for (let second = 1; second <= 500; second += 1) window.load(report('a', second * 1_000, { dropped: 2 }));
    expect(window.read('overflows', question({ a: 1 }))).toEqual(is(1_000));
  });

  test('of two moments are told apart, whoever asks in between', () => {
    window.load(report('a', 1_000, { dropped: 2 }));
    window.load(report('a', 3_000, { dropped: 5 }));
    window.keep(api, startMs + 2_000);
    window.keep(api, startMs);
    window.load(report('a', 4_000, { dropped: 1 }));
    expect(window.read('overflows', question({ a: 1 }))).toEqual(is(8));
    expect(window.read('overflows', { ...question({ a: 1 }), sinceMs: startMs + 2_000 })).toEqual(is(6));
  });

  test('of nobody who has reported have no value', () => {
    window.load(report('stranger', 1_000, { dropped: 2 }));
    expect(window.read('overflows', question({ a: 1 }))).toEqual(none);
  });
});

describe('latencies', () => {
  test('are exact quantiles of the requests of the group', () => {
    for (let ms = 1; ms <= 100; ms += 1) window.record(request(ms % 2 === 0 ? 'a' : 'b', ms, ms));
    window.record(request('stranger', 50, 9_999));
    expect(window.read('p50', question({ a: 1, b: 0 }))).toEqual(is(50));
    expect(window.read('p95', question({ a: 1, b: 0 }))).toEqual(is(95));
    expect(window.read('p99', question({ a: 1, b: 0 }))).toEqual(is(99));
    expect(window.read('p99', question({ b: 1 }))).toEqual(is(99));
    expect(window.read('p50', question({ a: 1, b: 1 }, 100))).toEqual(is(100));
  });

  test('have no value where nothing was logged, nor where the edge carries connections', () => {
    expect(window.read('p50', question({ a: 1 }))).toEqual({ kind: 'none', why: 'no request of the edge was logged' });
    window.record(connection('a', 1, 'connected'));
    expect(window.read('p50', question({ a: 1 }))).toMatchObject({ why: expect.stringContaining('connections') });
  });
});

test('of an edge that nobody keeps nothing is kept', () => {
  window.forget(api);
  window.load(report('a', 1_000, { succeeded: 1 }));
  window.record(request('a', 1_000, 5));
  window.keep(api, startMs);
  expect(window.read('successRate', question({ a: 1 }))).toEqual(none);
  expect(window.read('p50', question({ a: 1 }))).toEqual(none);
});

test('a quantile is the smallest value that enough of the values do not exceed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
      fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1),
      (values, share) => {
        const found = quantile(values, share);
        const reach = (bound: number) => values.filter((one) => one <= bound).length / values.length;
        const smallest = [...values].sort((a, b) => a - b).find((one) => reach(one) >= share);
        expect(found === smallest || Object.is(found, smallest)).toBe(true);
      },
    ),
  );
  expect(quantile([], 0.5)).toBeUndefined();
});

test('of many things the newest are kept', () => {
  const recent = new Recent<{ atMs: number }>(3);
  for (let atMs = 1; atMs <= 5; atMs += 1) recent.add({ atMs });
  expect(
    recent
      .since(0)
      .map(({ atMs }) => atMs)
      .sort(),
  ).toEqual([3, 4, 5]);
  expect(recent.since(5)).toEqual([{ atMs: 5 }]);
});

describe('what each caller has told', () => {
  test('is counted from its moment on, over all clusters, and names nobody else', () => {
    const pod = 'shop/api-0/80';
    window.keep(pod, startMs);
    window.load(report('b', 1_000, { issued: 5, succeeded: 5, failed: 5, dropped: 5 }));
    window.load(report('a', 1_000, { succeeded: 2, failed: 1 }));
    window.load({ ...report('a', 1_000, { succeeded: 4 }), cluster: pod });
    window.load(report('a', 200, { failed: 90 }));
    window.load(report('stranger', 1_000, { failed: 90 }));
    expect(window.tell({ ...question({ a: 1, b: 8, c: 1 }), clusters: [api, pod] })).toEqual([
      { proxy: 'a', seen: 7, failed: 1, standsFor: 1 },
      { proxy: 'b', seen: 10, failed: 5, standsFor: 8 },
    ]);
  });

  test('of connections comes from the log, where each is seen once and stands for itself', () => {
    for (const moment of ['connected', 'end'] as const) window.record(connection('a', 900, moment));
    window.record(connection('a', 900, 'end', 'UO'));
    window.record(connection('a', 900, 'end', 'UF'));
    window.record(request('a', 900, 12));
    expect(window.tell(question({ a: 8 }))).toEqual([{ proxy: 'a', seen: 3, failed: 2, standsFor: 1 }]);
  });
});
