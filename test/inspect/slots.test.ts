/** So many questions at a time, and no endless line. */
import { expect, test } from 'vitest';
import { Slots, TooManyWaiting } from '../../src/inspect/slots.ts';

function held() {
  let release: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release };
}

test('no more run at a time than there are slots, and those that wait go in order', async () => {
  const slots = new Slots(2, 10);
  const [started, gates] = [[] as number[], [held(), held(), held(), held()]];
  const all = gates.map((gate, index) =>
    slots.run(async () => {
      started.push(index);
      await gate.until;
      return index;
    }),
  );
  await Promise.resolve();
  expect(started).toEqual([0, 1]);
  gates[1]?.release();
  await all[1];
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  for (const gate of gates) gate.release();
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
});

test('a full line refuses at once, and work that throws gives its slot back', async () => {
  const slots = new Slots(1, 1);
  const gate = held();
  const first = slots.run(() => gate.until);
  const second = slots.run(() => Promise.reject(new Error('failed')));
  await expect(slots.run(() => Promise.resolve())).rejects.toThrow(TooManyWaiting);
  gate.release();
  await first;
  await expect(second).rejects.toThrow('failed');
  expect(await slots.run(() => Promise.resolve('in'))).toBe('in');
});
