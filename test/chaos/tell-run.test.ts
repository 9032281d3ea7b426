/** The timeline of a run in words: of a breach, by how much and of which bound. */
import { expect, test } from 'vitest';
import { step } from '../../src/chaos/machine.ts';
import type { RunEvent } from '../../src/chaos/run-event.ts';
import { tellStep } from '../../src/chaos/tell-run.ts';
import type { Probe } from '../../src/model/drill.ts';
import { drill, plan, runAfter, untilFault } from './run-fixture.ts';

const proxies = ['a/one', 'a/two'];

function breachTold(value: number, tolerance: Probe['tolerance']): readonly string[] {
  const { steadyState, ...rest } = drill();
  const judged = { ...rest, steadyState: steadyState.map((probe) => ({ ...probe, tolerance })) };
  const before = runAfter(plan(proxies), untilFault(proxies), judged);
  const breach: RunEvent = { kind: 'probe', probe: 'fast', state: 'breach', value };
  return tellStep(before, step(before, breach, 9_000).run, breach, 9_000).map(({ text }) => text);
}

test.each([
  ['names the bound below which it is, rounded', 2 / 3, { atLeast: 0.99 }, '0.6667, below 0.99'],
  ['names the bound above which it is', 412.03125, { atMost: 250 }, '412.0313, above 250'],
  ['names the one of two that was broken', 0.5, { atLeast: 0.9, atMost: 1 }, '0.5, below 0.9'],
  ['names the other of two that was broken', 1.5, { atLeast: 0.9, atMost: 1 }, '1.5, above 1'],
  ['is not rounded to the bound that it broke', 0.99996, { atLeast: 1 }, '0.99996, below 1'],
])('a breach %s', (_, value, tolerance, text) => {
  expect(breachTold(value, tolerance)).toEqual([text]);
});
