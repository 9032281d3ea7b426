import { expect, test } from 'vitest';
import { peersMax } from '../../src/authz/limits.ts';
import { PeerBudgets } from '../../src/authz/peer-budgets.ts';

test('a clock that steps back gives nothing away', () => {
  const budgets = new PeerBudgets({ checksPerSecondMax: 1_000, checksBurstMax: 1 });
  expect([budgets.take('p', 500), budgets.take('p', 100), budgets.take('p', 100)]).toEqual([true, false, false]);
});

test('beyond the most connections remembered, the one that began first starts anew', () => {
  const budgets = new PeerBudgets({ checksPerSecondMax: 1, checksBurstMax: 1 });
  for (let peer = 0; peer < peersMax; peer++) budgets.take(`p${peer}`, 0);
  expect([budgets.take('p0', 0), budgets.take('p1', 0)]).toEqual([false, false]);
  budgets.take('one more', 0);
  expect([budgets.take('p1', 0), budgets.take('p0', 0)]).toEqual([false, true]);
});
