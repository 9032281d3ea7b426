import { expect, test } from 'vitest';
import { KeptSignal, waitingMax, wakeMs } from '../../../src/evidence/recorder/kept-signal.ts';
import { TestClock } from '../../xds/test-clock.ts';

function signalled() {
  const clock = new TestClock();
  return { clock, signal: new KeptSignal(clock) };
}

/** @returns what became of it so far. */
function outcomeOf(waiting: Promise<number> | undefined) {
  const outcome: { leftMs?: number } = {};
  void waiting?.then((leftMs) => {
    outcome.leftMs = leftMs;
  });
  return outcome;
}

test('everybody who waits is woken by one word with the time that is left, and no timer stays', async () => {
  const { clock, signal } = signalled();
  const waits = [signal.wait(0, 1_000), signal.wait(0, 2_000)];
  clock.advance(400);
  signal.tell();
  expect(await Promise.all(waits)).toEqual([600, 1_600]);
  expect(clock.armed).toBe(0);
});

test('a word that one has seen is not waited for, and one that came since ends the wait', async () => {
  const { clock, signal } = signalled();
  signal.tell();
  const stale = outcomeOf(signal.wait(signal.told, 1_000));
  const fresh = signal.wait(signal.told - 1, 1_000);
  expect(await fresh).toBe(1_000);
  // One word wakes all: to look once too often harms nobody.
  expect(stale).toEqual({ leftMs: 1_000 });
  const alone = signal.wait(signal.told, 1_000);
  clock.advance(1_000);
  expect(await alone).toBe(0);
});

test('words that come upon each other wake once for all of them', async () => {
  const { clock, signal } = signalled();
  const first = signal.wait(0, 5_000);
  signal.tell();
  await first;
  const next = outcomeOf(signal.wait(1, 5_000));
  for (let told = 0; told < 10; told += 1) {
    signal.tell();
    await Promise.resolve();
  }
  expect(next).toEqual({});
  clock.advance(wakeMs);
  await expect.poll(() => next).toEqual({ leftMs: 5_000 - wakeMs });
  expect(clock.armed).toBe(0);
});

test('no more wait than the door has room for, and who leaves makes room', async () => {
  const { clock, signal } = signalled();
  const waits = Array.from({ length: waitingMax }, () => signal.wait(0, 1_000));
  expect(signal.wait(0, 1_000)).toBeUndefined();
  clock.advance(1_000);
  await Promise.all(waits);
  expect(signal.wait(0, 1_000)).toBeDefined();
});

test('at the end nobody waits any more, nor begins to', async () => {
  const { clock, signal } = signalled();
  const wait = signal.wait(0, 8_000);
  signal.end();
  expect(await wait).toBe(8_000);
  expect(signal.wait(0, 8_000)).toBeUndefined();
  expect(clock.armed).toBe(0);
});
