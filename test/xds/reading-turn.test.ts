/** How much of one stream is read before the event loop goes round. */
import { expect, test } from 'vitest';
import { requestBytesPerTurn, requestsPerTurn } from '../../src/xds/limits.ts';
import { ReadingTurn } from '../../src/xds/reading-turn.io.ts';

function reading() {
  const calls: string[] = [];
  const turn = new ReadingTurn({ pause: () => calls.push('pause'), resume: () => calls.push('resume') });
  return { calls, turn };
}

test('reading pauses when the requests of a turn are spent, and goes on when the loop has gone round', async () => {
  const { calls, turn } = reading();
  for (let count = 1; count < requestsPerTurn; count += 1) turn.spend(1);
  expect(calls).toEqual([]);
  turn.spend(1);
  expect(calls).toEqual(['pause']);
  await new Promise(setImmediate);
  expect(calls).toEqual(['pause', 'resume']);
});

test('one large request spends the bytes of a turn', () => {
  const { calls, turn } = reading();
  turn.spend(requestBytesPerTurn);
  expect(calls).toEqual(['pause']);
});

test('each turn has a budget of its own', async () => {
  const { calls, turn } = reading();
  for (let round = 0; round < 5; round += 1) {
    for (let count = 1; count < requestsPerTurn; count += 1) turn.spend(1);
    await new Promise(setImmediate);
  }
  expect(calls).not.toContain('pause');
});
