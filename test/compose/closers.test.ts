/** What stays open where something cannot be closed, and what is asked again where it could not be opened. */
import { expect, test } from 'vitest';
import { Closers } from '../../src/compose/closers.ts';
import { openedOnce } from '../../src/compose/opened-once.ts';

test('what was opened last is closed first, one after the other, and once', async () => {
  const closed: string[] = [];
  const closers = new Closers();
  closers.push(() => closed.push('first'));
  closers.push(
    () => closed.push('second'),
    async () => {
      await Promise.resolve();
      closed.push('third');
    },
  );
  await closers.close();
  await closers.close();
  expect(closed).toEqual(['third', 'second', 'first']);
});

test('one that cannot be closed is told of, after all others are', async () => {
  const closed: string[] = [];
  const closers = new Closers();
  closers.push(
    () => closed.push('lease'),
    () => {
      throw new Error('a port');
    },
    () => Promise.reject(new Error('a database')),
  );
  await expect(closers.close()).rejects.toMatchObject({ errors: [new Error('a database'), new Error('a port')] });
  expect(closed).toEqual(['lease']);
});

test('what was opened is kept, and what could not be opened is tried again', async () => {
  let tries = 0;
  const get = openedOnce(async () => {
    tries += 1;
    if (tries === 1) throw new Error('nobody answers');
    return { tries };
  });
  await expect(get()).rejects.toThrow('nobody answers');
  const [opened, again] = await Promise.all([get(), get()]);
  expect(again).toBe(opened);
  expect(tries).toBe(2);
});
