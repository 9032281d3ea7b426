/** When the parts of a cluster look again, by a clock that the test turns. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Pace, PacedLook } from '../../src/kube/paced-look.ts';
import { TestClock } from '../xds/test-clock.ts';

/** @param look what happens at each, after its moment was noted. */
function paced(pace: Pace, look: (clock: TestClock) => void | Promise<void> = () => undefined) {
  const clock = new TestClock();
  const startMs = clock.nowMs();
  const looksMs: number[] = [];
  const setTimer = (ms: number, then: () => void) => clock.setTimer(ms, then);
  const looking = new PacedLook({ monotonicMs: () => clock.nowMs(), setTimer }, pace, () => {
    looksMs.push(clock.nowMs() - startMs);
    return look(clock);
  });
  /** Millisecond by millisecond, so that what waits for a promise goes on in between. */
  const pass = async (ms: number) => {
    clock.advance(0);
    await turn();
    for (let each = 0; each < ms; each += 1) {
      clock.advance(1);
      await turn();
    }
  };
  return { clock, looking, looksMs, pass };
}

function takes(ms: number) {
  return (clock: TestClock) => new Promise<void>((resolve) => clock.setTimer(ms, resolve));
}

test('many words are one look, and the next comes no sooner than the gap allows', async () => {
  const { looking, looksMs, pass } = paced({ gapMs: 20, lastMs: 100 });
  for (let each = 0; each < 3; each += 1) looking.soon();
  await pass(5);
  for (let each = 0; each < 3; each += 1) looking.soon();
  await pass(50);
  expect(looksMs).toEqual([0, 20]);
});

test('without a word the first look comes at last, and so does each after it', async () => {
  const { looksMs, pass } = paced({ gapMs: 20, lastMs: 100 });
  await pass(210);
  expect(looksMs).toEqual([100, 200]);
});

test('a word waits until what follows from it has settled, and no longer for the words behind it', async () => {
  const { looking, looksMs, pass } = paced({ settleMs: 30, gapMs: 0, lastMs: 100 });
  looking.soon();
  await pass(20);
  looking.soon();
  await pass(60);
  expect(looksMs).toEqual([30]);
});

test('two looks are never under way at once, and words that come meanwhile are one look behind', async () => {
  const ends: (() => void)[] = [];
  const { looking, looksMs, pass } = paced(
    { gapMs: 10, lastMs: 50 },
    () => new Promise((resolve) => ends.push(resolve)),
  );
  looking.soon();
  await pass(70);
  for (let each = 0; each < 3; each += 1) looking.soon();
  expect(looksMs).toEqual([0]);
  ends[0]?.();
  await pass(30);
  expect(looksMs).toEqual([0, 80]);
  ends[1]?.();
  await pass(60);
  expect(looksMs).toEqual([0, 80, 150]);
});

test('a look that takes long is rested from, so that looks have no more than their share of the time', async () => {
  const { looking, looksMs, pass } = paced({ gapMs: 0, lastMs: 100, share: 0.1 }, takes(40));
  looking.soon();
  await pass(10);
  looking.soon();
  await pass(400);
  expect(looksMs).toEqual([0, 400]);
});

test('after the close no timer stands, whoever still has a word to say', async () => {
  const { clock, looking, looksMs, pass } = paced({ gapMs: 20, lastMs: 100 });
  looking.soon();
  await looking.close();
  looking.soon();
  expect(clock.armed).toBe(0);
  await pass(200);
  expect(looksMs).toEqual([]);
});

test('a close ends with the look that is under way, and none begins behind it', async () => {
  let end: () => void = () => undefined;
  const { clock, looking, looksMs, pass } = paced(
    { gapMs: 20, lastMs: 100 },
    () =>
      new Promise((resolve) => {
        end = resolve;
      }),
  );
  looking.soon();
  await pass(1);
  looking.soon();
  let isClosed = false;
  const closing = looking.close().then(() => {
    isClosed = true;
  });
  await pass(50);
  expect(isClosed).toBe(false);
  end();
  await closing;
  expect(clock.armed).toBe(0);
  expect(looksMs).toEqual([0]);
});
