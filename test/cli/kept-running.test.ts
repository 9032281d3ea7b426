/** What happens to a process of `coffre up` that ends by itself: told, waited for, started again. The clock is the test's. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { againMs, againMsMax, KeptRunning, type Running, steadyMs } from '../../src/cli/kept-running.ts';
import { TestClock } from '../xds/test-clock.ts';

class Fake implements Running {
  stops = 0;
  readonly #end = Promise.withResolvers<string>();
  readonly end = this.#end.promise;

  async dies(how = 'it ended by itself'): Promise<void> {
    this.#end.resolve(how);
    await setImmediate();
  }

  async stop(): Promise<void> {
    this.stops += 1;
    await this.dies('asked to');
  }
}

function keptRunning() {
  const [clock, told, started]: [TestClock, string[], Fake[]] = [new TestClock(), [], []];
  const start = () => {
    const process = new Fake();
    started.push(process);
    return process;
  };
  const kept = new KeptRunning(start(), { start, clock, tell: (line) => told.push(line) });
  const newest = () => started.at(-1) ?? expect.fail('nothing was started');
  return { clock, told, started, kept, newest };
}

test('a process that runs is left alone', async () => {
  const { clock, told, started } = keptRunning();
  clock.advance(100 * steadyMs);
  await setImmediate();
  expect({ started: started.length, told, armed: clock.armed }).toEqual({ started: 1, told: [], armed: 0 });
});

test('one that ends is told, and started again after the wait and not before', async () => {
  const { clock, told, started, newest } = keptRunning();
  await newest().dies('the worker ended by itself (SIGKILL)');
  expect(told).toEqual(['the worker ended by itself (SIGKILL); it is started again in 0.25 s']);
  clock.advance(againMs - 1);
  expect(started.length).toBe(1);
  clock.advance(1);
  expect(started.length).toBe(2);
});

test('one that ends again and again waits the double each time, up to the bound, and is never given up', async () => {
  const { clock, told, started, newest } = keptRunning();
  const waitsMs: number[] = [];
  for (let times = 0; times < 12; times += 1) {
    const before = started.length;
    await newest().dies();
    const sinceMs = clock.nowMs();
    while (started.length === before) clock.advance(againMs);
    waitsMs.push(clock.nowMs() - sinceMs);
  }
  expect(waitsMs.slice(0, 7)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000]);
  expect(new Set(waitsMs.slice(7))).toEqual(new Set([againMsMax]));
  expect(told.length).toBe(12);
});

test('after a life that was long enough the next end is a first one', async () => {
  const { clock, told, newest } = keptRunning();
  await newest().dies();
  clock.advance(againMs);
  clock.advance(steadyMs - 1);
  await newest().dies();
  clock.advance(2 * againMs);
  clock.advance(steadyMs);
  await newest().dies();
  expect(told.map((line) => line.replace(/.* in /, ''))).toEqual(['0.25 s', '0.5 s', '0.25 s']);
});

test('one that was stopped has ended when that is done, and stays so', async () => {
  const { clock, told, started, kept, newest } = keptRunning();
  await kept.stop();
  clock.advance(againMsMax);
  expect({ stops: newest().stops, started: started.length, told }).toEqual({ stops: 1, started: 1, told: [] });
});

test('one that is stopped while it waits to be started again never is', async () => {
  const { clock, started, kept, newest } = keptRunning();
  await newest().dies();
  await kept.stop();
  clock.advance(againMsMax);
  expect({ started: started.length, armed: clock.armed, stops: newest().stops }).toEqual({
    started: 1,
    armed: 0,
    stops: 0,
  });
});
