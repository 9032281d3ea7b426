import { expect, test } from 'vitest';
import { RecordBudgets, weightOf } from '../../../src/evidence/access-log/record-budgets.ts';

const rate = { perSecond: 10, burst: 5 };

test('each proxy has a budget of its own, and a burst is its most', () => {
  const budgets = new RecordBudgets(rate);
  expect(budgets.take('flood', 100, 0)).toBe(5);
  expect(budgets.isSpent('flood', 0)).toBe(true);
  expect(budgets.take('quiet', 2, 0)).toBe(2);
  expect(budgets.take('flood', 100, 3_600_000)).toBe(5);
});

test('a budget comes back with time, and by halves it is none', () => {
  const budgets = new RecordBudgets(rate);
  budgets.take('a', 5, 0);
  expect(budgets.take('a', 5, 150)).toBe(1);
  expect(budgets.isSpent('a', 199)).toBe(true);
  expect(budgets.take('a', 5, 200)).toBe(1);
});

test('a clock that runs backwards gives nothing', () => {
  const budgets = new RecordBudgets(rate);
  budgets.take('a', 5, 10_000);
  expect(budgets.isSpent('a', 0)).toBe(true);
  expect(budgets.take('a', 5, 100)).toBe(1);
});

test('what is owed takes its time to be paid back', () => {
  const budgets = new RecordBudgets(rate);
  expect(budgets.owe('a', 5, 0)).toBe(0);
  expect(budgets.owe('a', 20, 0)).toBe(2_000);
  expect(budgets.owe('a', 1, 1_000)).toBe(1_100);
});

test('a message weighs by its bytes, however few its records', () => {
  expect([0, 1, 1_024, 262_144].map((bytes) => weightOf(new Uint8Array(bytes)))).toEqual([0, 1, 1, 256]);
});
