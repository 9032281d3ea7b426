import { expect, test } from 'vitest';
import { KeptSignal } from '../../src/evidence/kept-signal.ts';

function clock() {
  const timers = new Set<() => void>();
  return {
    timers,
    setTimer(_: number, then: () => void) {
      timers.add(then);
      return () => timers.delete(then);
    },
  };
}

test('everybody who waits is woken by one word, and no timer is left', async () => {
  const { timers, ...here } = clock();
  const signal = new KeptSignal(here);
  const waits = [signal.wait(1_000), signal.wait(2_000)];
  expect(timers.size).toBe(2);
  signal.tell();
  await Promise.all(waits);
  expect(timers.size).toBe(0);
});

test('a word that came before somebody waits is not his', async () => {
  const { timers, ...here } = clock();
  const signal = new KeptSignal(here);
  signal.tell();
  let isOver = false;
  const wait = signal.wait(1_000).then(() => {
    isOver = true;
  });
  await Promise.resolve();
  expect(isOver).toBe(false);
  for (const ring of timers) ring();
  await wait;
});
