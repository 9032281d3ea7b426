/** Thousands of timers as one: each fires when it is due and in order, and one runs at a time. */
import { once } from 'node:events';
import { connect } from 'node:http2';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedTimers } from '../../src/xds/shared-timers.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { startLoopbackAds } from './loopback-ads.ts';
import { snapshotOf } from './resources.ts';
import { TestClock } from './test-clock.ts';

test('whatever is set, cancelled and waited for, it fires as timers of their own would, and at most one runs', () => {
  const act = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(200) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 20 }) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
      const clock = new TestClock();
      const own = new TestClock();
      const shared = new SharedTimers(clock);
      const fired: Record<'shared' | 'own', string[]> = { shared: [], own: [] };
      const cancels: (() => void)[] = [];
      acts.forEach((each, number) => {
        if (each.kind === 'set') {
          const stopShared = shared.setTimer(each.ms, () => fired.shared.push(`${number} at ${shared.nowMs()}`));
          const stopOwn = own.setTimer(each.ms, () => fired.own.push(`${number} at ${own.nowMs()}`));
          cancels.push(() => {
            stopShared();
            stopOwn();
          });
        } else if (each.kind === 'cancel') {
          cancels[each.which % Math.max(1, cancels.length)]?.();
        } else {
          clock.advance(each.ms);
          own.advance(each.ms);
        }
        expect(clock.armed).toBeLessThanOrEqual(1);
        if (own.armed === 0) expect(clock.armed).toBe(0);
      });
      clock.advance(100);
      own.advance(100);
      expect(fired.shared).toEqual(fired.own);
      expect(clock.armed).toBe(0);
    }),
  );
});

test('for a thousand timers that were cancelled the process is woken once', () => {
  const clock = new TestClock();
  let woken = 0;
  const counting = {
    nowMs: () => clock.nowMs(),
    setTimer: (ms: number, then: () => void) =>
      clock.setTimer(ms, () => {
        woken += 1;
        then();
      }),
  };
  const timers = new SharedTimers(counting);
  // As many again that live keep them from being swept out.
  for (let ms = 1; ms <= 1_000; ms += 1) timers.setTimer(10_000 + ms, () => undefined);
  const cancels = Array.from({ length: 1_000 }, (_, ms) => timers.setTimer(ms + 1, () => undefined));
  for (const cancel of cancels) cancel();
  clock.advance(5_000);
  expect(woken).toBe(1);
  expect(clock.armed).toBe(1);
});

test('a timer that is set while one fires is kept', () => {
  const clock = new TestClock();
  const timers = new SharedTimers(clock);
  const fired: number[] = [];
  const again = () => {
    fired.push(clock.nowMs());
    if (fired.length < 3) timers.setTimer(10, again);
  };
  timers.setTimer(10, again);
  clock.advance(30);
  expect(fired).toHaveLength(3);
});

test('a clock that is set back delays nothing where there is one that nobody sets', () => {
  const clock = new TestClock();
  let setBackMs = 0;
  const wall = {
    nowMs: () => clock.nowMs() - setBackMs,
    monotonicMs: () => clock.nowMs(),
    setTimer: (ms: number, then: () => void) => clock.setTimer(ms, then),
  };
  const timers = new SharedTimers(wall);
  let fired = 0;
  timers.setTimer(1_000, () => {
    fired += 1;
  });
  timers.setTimer(10, () => undefined);
  setBackMs = 3_600_000;
  clock.advance(1_000);
  expect(fired).toBe(1);
});

test('any number of streams at rest are one timer, and when the last has gone none', async () => {
  const ads = await startLoopbackAds();
  const armed = async (streams: number) => {
    const open = await Promise.all(
      Array.from({ length: streams }, async (_, index) => {
        const id = `n${streams}-${index}`;
        ads.cache.set(id, snapshotOf({ cluster: { x: '1' } }));
        const stream = ads.delta();
        stream.send({ typeUrl: typeUrls.cluster, node: { id } });
        const { nonce } = await stream.next();
        stream.send({ typeUrl: typeUrls.cluster, responseNonce: nonce });
        return stream;
      }),
    );
    const count = () => ads.events.filter(({ kind }) => kind === 'acked').length;
    await expect.poll(count).toBe(streams);
    const running = ads.clock.armed;
    for (const stream of open) stream.close();
    await expect.poll(() => ads.service.status().length).toBe(0);
    ads.events.length = 0;
    return [running, ads.clock.armed];
  };
  expect(await armed(1)).toEqual([1, 0]);
  expect(await armed(50)).toEqual([1, 0]);
});

test('streams on which nobody speaks are one timer, and none once their connection has gone', async () => {
  const ads = await startLoopbackAds();
  const session = connect(`http://127.0.0.1:${ads.port}`);
  await once(session, 'connect');
  const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
  for (let index = 0; index < 100; index += 1) {
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    session.request(headers).on('error', () => undefined);
  }
  // What is answered behind them was read behind them.
  await new Promise((resolve) => {
    session.ping(resolve);
  });
  expect(ads.clock.armed).toBe(1);
  session.destroy();
  await expect.poll(() => ads.clock.armed, { interval: 1 }).toBe(0);
});
